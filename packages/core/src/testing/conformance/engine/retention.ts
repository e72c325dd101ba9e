import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { retain } from "../new-job.ts";
import { LATER, SOON } from "../timing.ts";

const FORGET = retain({
  completed: { count: 0 },
  failed: { count: 0 },
});

export const retentionCases = section("retention", [
  rule("a job that completes in the step that cancels its last dependent is trimmed", async (on) => {
    await on.sendEach(
      { id: "a", retain: FORGET },
      { id: "b" },
      { id: "reader", dependsOn: [{ job: "a", onFailure: "hold" }, "b"] },
    );
    const [a, b] = [await on.take("a"), await on.take("b")];
    await on.engine.core.settle({
      outcomes: [
        { ...a, type: "complete" },
        { ...b, type: "fail", error: '{"code":"BROKEN","message":"broken"}' },
      ],
    });
    await on.expect({ b: "failed", reader: "cancelled" });
    assert.equal(await on.isStored("a"), false);
  }),

  rule("a finished job is trimmed once it is older than its message allows", async (on) => {
    const bounds = retain({ completed: { age: SOON } });
    await on.sendEnded("completed", { id: "a", retain: bounds });
    await on.recover();
    await on.expect({ a: "completed" });
    await on.elapse(SOON);
    assert.equal((await on.recover()).trimmed, 1);
    assert.equal(await on.isStored("a"), false);
    assert.equal((await on.counts()).states.completed, 0);
  }),

  rule("beyond its message's count, the oldest finished jobs are trimmed", async (on) => {
    const bounds = retain({ completed: { count: 2 } });
    for (const id of ["a", "b", "c", "d"]) await on.sendEnded("completed", { id, retain: bounds });
    await on.recover();
    assert.deepEqual(
      (await on.engine.inspect.get([{ id: "a" }, { id: "b" }, { id: "c" }, { id: "d" }])).map(
        (job) => job?.id,
      ),
      [undefined, undefined, "c", "d"],
    );
  }),

  rule("the count is per message", async (on) => {
    const bounds = retain({ completed: { count: 1 } });
    await on.sendEnded("completed", { id: "a", messageType: "ONE", retain: bounds });
    await on.sendEnded("completed", { id: "b", messageType: "TWO", retain: bounds });
    await on.recover();
    await on.expect({ a: "completed", b: "completed" });
  }),

  rule("failed and cancelled jobs have their own bounds", async (on) => {
    const bounds = retain({ completed: { age: LATER }, failed: { age: SOON } });
    for (const state of ["completed", "failed", "cancelled"] as const) {
      await on.sendEnded(state, { id: state, retain: bounds });
    }
    await on.elapse(SOON);
    await on.recover();
    const found = await on.engine.inspect.get([{ id: "completed" }, { id: "failed" }, { id: "cancelled" }]);
    assert.deepEqual(
      found.map((job) => job?.state),
      ["completed", undefined, undefined],
    );
  }),

  rule("a count of 0 keeps only the tombstone", async (on) => {
    await on.sendEnded("completed", { id: "a", retain: FORGET });
    await on.recover();
    assert.equal(await on.isStored("a"), false);
  }),

  rule("unfinished jobs aren't trimmed", async (on) => {
    const bounds = retain({ completed: { age: 1, count: 0 }, failed: { age: 1, count: 0 } });
    await on.sendEach({ id: "a", retain: bounds }, { id: "b", retain: bounds, delay: LATER });
    await on.elapse(SOON);
    await on.recover();
    await on.expect({ a: "queued", b: "scheduled" });
  }),

  rule("a completed job stays readable until the jobs that depend on it have ended", async (on) => {
    await on.sendEnded("completed", { id: "a", retain: retain({ completed: { age: SOON } }) });
    await on.sendBatch({ id: "b", retain: FORGET }, { id: "c", dependsOn: ["a", "b"] });
    await on.complete(await on.take("b"), "1");
    const lease = await on.take("c");
    await on.elapse(SOON);
    await on.recover();
    assert.equal((await on.job("b")).result, "1");
    assert.equal(await on.isStored("a"), true);
    await on.complete(lease);
    await on.recover();
    assert.equal(await on.isStored("a"), false);
    assert.equal(await on.isStored("b"), false);
  }),

  rule("more jobs than one turn of maintenance trims are trimmed in later turns", async (on) => {
    const bounds = retain({ completed: { age: SOON } });
    await on.sendBatch(...Array.from({ length: 3_000 }, () => ({ retain: bounds })));
    const leases = await on.claim(3_000);
    await on.settle(
      ...leases.map(({ id, epoch, token }) => ({ id, epoch, token, type: "complete" }) as const),
    );
    await on.elapse(SOON);
    await on.recover();
    assert.equal((await on.counts()).states.completed, 0);
  }),
]);

export const tombstoneCases = section("tombstones", [
  rule("a later dependency on a trimmed completed job is satisfied", async (on) => {
    await on.sendEnded("completed", { id: "a", retain: FORGET });
    await on.recover();
    await on.send({ id: "b", dependsOn: ["a"] });
    await on.expect({ b: "queued" });
    assert.equal((await on.edges("b")).dependencies[0]?.state, "completed");
  }),

  rule("a later dependency on a trimmed failed job applies its policy", async (on) => {
    await on.sendEnded("failed", { id: "a", retain: FORGET });
    await on.recover();
    assert.equal(await on.isStored("a"), false);
    await on.sendEach(
      { id: "cancel", dependsOn: ["a"] },
      { id: "run", dependsOn: [{ job: "a", onFailure: "run" }] },
    );
    await on.expect({ cancel: "cancelled", run: "queued" });
  }),

  rule("a later dependency on a removed job applies its policy", async (on) => {
    await on.send({ id: "a" });
    await on.remove("a");
    await on.sendEach(
      { id: "cancel", dependsOn: ["a"] },
      { id: "run", dependsOn: [{ job: "a", onFailure: "run" }] },
    );
    await on.expect({ cancel: "cancelled", run: "queued" });
  }),

  rule("the ending and the message of a trimmed job are remembered", async (on) => {
    const states = ["completed", "failed", "cancelled"] as const;
    for (const state of states) {
      await on.sendEnded(state, { id: state, messageType: `OF_${state}`, retain: FORGET });
    }
    await on.recover();
    assert.deepEqual(await on.engine.inspect.get(states.map((id) => ({ id }))), [null, null, null]);
    assert.deepEqual(
      await (await on.peer()).inspect.remembered([...states.map((id) => ({ id })), { id: "completed" }]),
      [...states, "completed"].map((state) => ({ state, messageType: `OF_${state}` })),
    );
  }),

  rule("nothing is remembered of jobs that are stored or never were", async (on) => {
    await on.sendEnded("completed", { id: "kept" });
    await on.send({ id: "waiting" });
    assert.deepEqual(
      await on.engine.inspect.remembered([{ id: "kept" }, { id: "waiting" }, { id: "nowhere" }]),
      [null, null, null],
    );
    assert.deepEqual(await on.engine.inspect.remembered([]), []);
  }),

  rule("the endings of jobs that were removed or cleaned are remembered", async (on) => {
    await on.sendEnded("completed", { id: "cleaned" });
    await on.engine.operate.clean({ state: "completed", olderThan: 0, limit: 9 });
    await on.sendEnded("completed", { id: "removed" });
    await on.sendEnded("failed", { id: "broken" });
    await on.send({ id: "waiting" });
    for (const id of ["removed", "broken", "waiting"]) await on.remove(id);
    const found = await on.engine.inspect.remembered([
      { id: "cleaned" },
      { id: "removed" },
      { id: "broken" },
      { id: "waiting" },
    ]);
    assert.deepEqual(
      found.map((ending) => ending?.state),
      ["completed", "completed", "failed", "cancelled"],
    );
  }),

  rule(
    "endings are remembered of jobs trimmed by count, after a retry, or after their last reader",
    async (on) => {
      const one = retain({ completed: { count: 1 } });
      await on.sendEach({ id: "a", retain: one }, { id: "b", retain: one });
      await on.retryAttempt(await on.take("a"));
      await on.run("a");
      await on.run("b");
      await on.send({ id: "c", retain: FORGET });
      await on.send({ id: "d", retain: FORGET, dependsOn: ["c"] });
      await on.run("c");
      await on.run("d");
      await on.recover();
      assert.deepEqual(
        (await on.engine.inspect.remembered([{ id: "a" }, { id: "b" }, { id: "c" }, { id: "d" }])).map(
          (ending) => ending?.state,
        ),
        ["completed", "completed", "completed", "completed"],
      );
    },
  ),

  rule("repeating the send of a trimmed job doesn't run it again", async (on) => {
    await on.sendEnded("completed", { id: "a", retain: FORGET });
    await on.recover();
    assert.deepEqual(await on.offer({ id: "a" }), { ok: true, jobs: [{ id: "a", created: false }] });
    assert.deepEqual(await on.claimIds(), []);
  }),

  rule("a failed job is kept while holders wait for it", async (on) => {
    await on.send({ id: "a", retain: retain({ failed: { age: 1, count: 0 } }) });
    await on.send({ id: "b", dependsOn: [{ job: "a", onFailure: "hold" }] });
    await on.fail(await on.take("a"));
    await on.elapse(SOON);
    await on.recover();
    await on.expect({ a: "failed", b: "blocked" });
    await on.retry("a");
    await on.run("a");
    await on.expect({ b: "queued" });
  }),

  rule("a failed job is kept for a holder that was sent after it failed", async (on) => {
    const bounds = retain({ failed: { age: SOON, count: 1 } });
    await on.sendEnded("failed", { id: "a", retain: bounds });
    await on.send({ id: "b", dependsOn: [{ job: "a", onFailure: "hold" }] });
    await on.sendEnded("failed", { id: "c", retain: bounds });
    await on.elapse(SOON);
    await on.recover();
    await on.expect({ a: "failed", b: "blocked" });
    await on.retry("a");
    await on.run("a");
    await on.expect({ b: "queued" });
  }),

  rule("once its last holder is gone, a failed job is trimmed like any other", async (on) => {
    const bounds = retain({ failed: { age: SOON } });
    await on.send({ id: "a", retain: bounds });
    await on.send({ id: "b", dependsOn: [{ job: "a", onFailure: "hold" }] });
    await on.fail(await on.take("a"));
    await on.cancel("b");
    await on.elapse(SOON);
    await on.recover();
    assert.equal(await on.isStored("a"), false);
  }),

  rule("a failed job is kept while it holds its ordering key", async (on) => {
    const key = { orderingKey: "k", onOrderingFailure: "hold" } as const;
    await on.send({ id: "a", ...key, retain: retain({ failed: { age: 1, count: 0 } }) });
    await on.send({ id: "b", ...key });
    await on.fail(await on.take("a"));
    await on.elapse(SOON);
    await on.recover();
    await on.expect({ a: "failed", b: "blocked" });
  }),
]);

export const cleanCases = section("clean", [
  rule("cleaning removes finished jobs of one state, and returns how many", async (on) => {
    for (const state of ["completed", "failed", "cancelled"] as const) {
      await on.sendEnded(state, { id: state });
    }
    assert.equal(await on.engine.operate.clean({ state: "failed", olderThan: 0, limit: 100 }), 1);
    assert.equal(await on.isStored("failed"), false);
    await on.expect({ completed: "completed", cancelled: "cancelled" });
  }),

  rule("cleaning spares jobs that ended too recently", async (on) => {
    await on.sendEnded("completed", { id: "old" });
    await on.elapse(SOON);
    await on.sendEnded("completed", { id: "new" });
    assert.equal(await on.engine.operate.clean({ state: "completed", olderThan: SOON, limit: 100 }), 1);
    assert.equal(await on.isStored("old"), false);
    assert.equal(await on.isStored("new"), true);
  }),

  rule("cleaning removes up to its limit, oldest first", async (on) => {
    for (const id of ["a", "b", "c"]) await on.sendEnded("completed", { id });
    assert.equal(await on.engine.operate.clean({ state: "completed", olderThan: 0, limit: 2 }), 2);
    assert.deepEqual(
      (await on.engine.inspect.get([{ id: "a" }, { id: "b" }, { id: "c" }])).map((job) => job?.id),
      [undefined, undefined, "c"],
    );
  }),

  rule(
    "cleaning removes waiting jobs of one state, oldest first, by the time they were stored",
    async (on) => {
      await on.sendEach(
        { id: "a" },
        { id: "b", priority: 1 },
        { id: "c", delay: LATER },
        { id: "d", orderingKey: "k" },
      );
      await on.send({ id: "e", dependsOn: ["c"] });
      await on.elapse(SOON);
      await on.sendEach({ id: "f" }, { id: "g", delay: LATER }, { id: "h", orderingKey: "k" });
      const clean = (state: "queued" | "scheduled" | "blocked", olderThan = 0, limit = 100) =>
        on.engine.operate.clean({ state, olderThan, limit });
      assert.equal(await clean("queued", 0, 1), 1);
      await on.expect({ b: "queued", d: "queued", f: "queued" });
      assert.equal(await clean("queued", SOON), 2);
      await on.expect({ f: "queued", c: "scheduled", g: "scheduled", h: "queued" });
      assert.equal(await clean("scheduled", SOON), 0);
      await on.expect({ c: "scheduled", e: "blocked" });
      assert.equal(await clean("blocked"), 1);
      assert.equal(await clean("scheduled", SOON), 1);
      await on.expect({ g: "scheduled" });
      assert.equal(await clean("queued"), 2);
      assert.deepEqual(await on.claimIds(), []);
    },
  ),

  rule("cleaning waiting jobs spares those that others depend on, whatever their policy", async (on) => {
    for (const onFailure of ["cancel", "run", "hold"] as const) {
      await on.sendEach(
        { id: `queued-${onFailure}` },
        { id: `scheduled-${onFailure}`, delay: LATER },
        { id: `blocked-${onFailure}`, dependsOn: [`queued-${onFailure}`] },
        { id: `last-${onFailure}` },
      );
      await on.send({
        id: `reader-${onFailure}`,
        dependsOn: ["queued", "scheduled", "blocked"].map((state) => ({
          job: `${state}-${onFailure}`,
          onFailure,
        })),
      });
    }
    const clean = (state: "queued" | "scheduled" | "blocked") =>
      on.engine.operate.clean({ state, olderThan: 0, limit: 100 });
    assert.deepEqual([await clean("queued"), await clean("scheduled")], [3, 0]);
    await on.expect({
      "queued-cancel": "queued",
      "scheduled-cancel": "scheduled",
      "reader-cancel": "blocked",
    });
    assert.equal(await clean("blocked"), 3);
    for (const onFailure of ["cancel", "run", "hold"]) {
      assert.equal(await on.isStored(`last-${onFailure}`), false);
      assert.equal(await on.isStored(`reader-${onFailure}`), false);
      await on.expect({ [`blocked-${onFailure}`]: "blocked" });
    }
    assert.equal(await clean("blocked"), 3);
    assert.deepEqual([await clean("queued"), await clean("scheduled")], [3, 3]);
  }),

  rule("cleaning blocked jobs spares those that a worker has reserved", async (on) => {
    await on.sendEach(...["a", "b", "c"].map((id) => ({ id, orderingKey: "k" })));
    const [a, b] = await on.takeRun(["a", "b"]);
    assert.equal(await on.engine.operate.clean({ state: "blocked", olderThan: 0, limit: 9 }), 1);
    await on.complete(a!);
    await on.complete(b!);
    assert.equal(await on.isStored("c"), false);
  }),

  rule("cleaning a queue of many waiting jobs leaves nothing of them in its way", async (on) => {
    await on.sendBatch(...Array.from({ length: 350 }, (_, index) => ({ id: `n${index}` })));
    for (let removed = 0; removed < 340; removed += 34) {
      assert.equal(await on.engine.operate.clean({ state: "queued", olderThan: 0, limit: 34 }), 34);
    }
    assert.equal((await on.counts()).states.queued, 10);
    await on.send({ id: "last" });
    assert.deepEqual(await on.claimIds(2), ["n340", "n341"]);
    assert.equal(await on.engine.operate.clean({ state: "queued", olderThan: 0, limit: 100 }), 9);
  }),

  rule("cleaning one queue doesn't affect the others", async (on) => {
    await on.sendEnded("completed", { id: "a", queue: "one" });
    await on.sendEnded("completed", { id: "b", queue: "two" });
    assert.equal(
      await on.engine.operate.clean({ state: "completed", queue: "one", olderThan: 0, limit: 9 }),
      1,
    );
    assert.equal(await on.isStored("b"), true);
  }),

  rule("a cleaned job leaves its tombstone", async (on) => {
    await on.sendEnded("completed", { id: "a" });
    await on.engine.operate.clean({ state: "completed", olderThan: 0, limit: 9 });
    await on.send({ id: "b", dependsOn: ["a"] });
    await on.expect({ b: "queued" });
  }),

  rule("cleaning spares a failed job with holders, and the jobs behind it", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b", dependsOn: [{ job: "a", onFailure: "hold" }] });
    await on.fail(await on.take("a"));
    await on.sendEnded("failed", { id: "c" });
    assert.equal(await on.engine.operate.clean({ state: "failed", olderThan: 0, limit: 9 }), 1);
    await on.expect({ a: "failed", b: "blocked" });
  }),

  rule("cleaning spares a failed job that holds its ordering key", async (on) => {
    await on.sendEnded("failed", { id: "a", orderingKey: "k", onOrderingFailure: "hold" });
    assert.equal(await on.engine.operate.clean({ state: "failed", olderThan: 0, limit: 9 }), 0);
    await on.expect({ a: "failed" });
  }),
]);
