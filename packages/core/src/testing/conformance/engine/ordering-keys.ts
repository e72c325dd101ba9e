import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { LATER, SHORT_LEASE, SOON } from "../timing.ts";

/** Jobs with one ordering key, with these ids, in send order. */
const inOrder = (...ids: readonly string[]) => ids.map((id) => ({ id, orderingKey: "k" }));

export const orderingKeyCases = section("ordering keys", [
  rule("one job per key is active at a time", async (on) => {
    await on.sendBatch(...inOrder("a", "b", "c"));
    assert.deepEqual(await on.claimIds(), ["a"]);
    assert.deepEqual(await on.claimIds(), []);
  }),

  rule("jobs of a key run in send order", async (on) => {
    await on.sendEach(...inOrder("a", "b", "c", "d"));
    assert.deepEqual(await on.runAll(), ["a", "b", "c", "d"]);
  }),

  rule("across processes, no two claims hold jobs of one key", async (on) => {
    const peer = await on.peer();
    await on.sendBatch(...inOrder(...Array.from({ length: 20 }, (_, index) => `n${index}`)));
    for (let round = 0; round < 20; round++) {
      const claims = await Promise.all(
        [on.engine, peer, on.engine, peer].map((engine) =>
          engine.core.claim({ queues: ["jobs"], limit: 10, lease: 30_000 }),
        ),
      );
      const held = claims.flatMap(({ jobs }) => jobs);
      assert.deepEqual(
        held.map(({ id }) => id),
        [`n${round}`],
      );
      await on.complete(held[0]!);
    }
  }),

  rule("different keys don't wait for each other", async (on) => {
    await on.sendEach({ id: "a", orderingKey: "one" }, { id: "b", orderingKey: "two" }, { id: "c" });
    assert.deepEqual(await on.claimIds(), ["a", "b", "c"]);
  }),

  rule("the same key in another queue is another key", async (on) => {
    await on.sendEach(
      { id: "a", queue: "here", orderingKey: "k" },
      { id: "b", queue: "there", orderingKey: "k" },
    );
    assert.deepEqual(await on.claimIds(10, ["here", "there"]), ["a", "b"]);
  }),

  rule("a claimed job has its ordering key", async (on) => {
    await on.send({ id: "a", orderingKey: "plan 7 ✓" });
    assert.equal((await on.take("a")).orderingKey, "plan 7 ✓");
    assert.equal((await on.job("a")).orderingKey, "plan 7 ✓");
  }),

  rule("settling the head makes the next job runnable in the same step", async (on) => {
    await on.sendEach(...inOrder("a", "b"));
    const { id, epoch, token } = await on.take("a");
    const { claimed } = await on.engine.core.settle({
      outcomes: [{ id, epoch, token, type: "complete" }],
      claim: { queues: ["jobs"], limit: 10, lease: 30_000 },
    });
    assert.deepEqual(
      claimed.map((job) => job.id),
      ["b"],
    );
  }),

  rule("a retry keeps its place, also during its pause", async (on) => {
    await on.sendEach(...inOrder("a", "b"));
    await on.retryAttempt(await on.take("a"), SOON);
    await on.expect({ a: "scheduled", b: "blocked" });
    assert.deepEqual(await on.claimIds(), []);
    await on.elapse(SOON);
    assert.deepEqual(await on.runAll(), ["a", "b"]);
  }),

  rule("a released job keeps its place", async (on) => {
    await on.sendEach(...inOrder("a", "b"));
    await on.release(await on.take("a"));
    assert.deepEqual(await on.runAll(), ["a", "b"]);
  }),

  rule("a job whose lease expired keeps its place", async (on) => {
    await on.sendEach(...inOrder("a", "b"));
    await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    await on.recover();
    assert.deepEqual(await on.runAll(), ["a", "b"]);
  }),

  rule("a scheduled head blocks its key", async (on) => {
    await on.sendEach({ id: "a", orderingKey: "k", delay: SOON }, ...inOrder("b"));
    await on.expect({ a: "scheduled", b: "blocked" });
    assert.deepEqual(await on.claimIds(), []);
    await on.elapse(SOON);
    assert.deepEqual(await on.runAll(), ["a", "b"]);
  }),

  rule("a head that waits for a dependency blocks its key", async (on) => {
    await on.send({ id: "dependency", delay: LATER });
    await on.sendEach({ id: "a", orderingKey: "k", dependsOn: ["dependency"] }, ...inOrder("b"));
    assert.deepEqual(await on.claimIds(), []);
    await on.engine.operate.promote([{ id: "dependency" }]);
    assert.deepEqual(await on.runAll(), ["dependency", "a", "b"]);
  }),

  rule("a job waits for both its dependencies and its key", async (on) => {
    await on.sendEach({ id: "dependency" }, ...inOrder("a"));
    await on.send({ id: "b", orderingKey: "k", dependsOn: ["dependency"] });
    await on.run("dependency");
    await on.expect({ b: "blocked" });
    await on.run("a");
    await on.expect({ b: "queued" });
  }),

  rule("a job may depend on the one ahead of it in its key", async (on) => {
    await on.sendBatch(...inOrder("a"), { id: "b", orderingKey: "k", dependsOn: ["a"] });
    assert.deepEqual(await on.runAll(), ["a", "b"]);
  }),

  rule("priority doesn't change the order within a key", async (on) => {
    await on.sendEach({ id: "a", orderingKey: "k", priority: 9 }, { id: "b", orderingKey: "k", priority: 0 });
    assert.deepEqual(await on.runAll(), ["a", "b"]);
  }),

  rule("a failed head releases the next job", async (on) => {
    await on.sendEach(...inOrder("a", "b"));
    await on.fail(await on.take("a"));
    await on.expect({ a: "failed", b: "queued" });
  }),

  rule("a cancelled head releases the next job", async (on) => {
    await on.sendEach(...inOrder("a", "b"));
    await on.cancel("a");
    await on.expect({ b: "queued" });
  }),

  rule("a removed head releases the next job", async (on) => {
    await on.sendEach(...inOrder("a", "b"));
    await on.remove("a");
    await on.expect({ b: "queued" });
  }),

  rule("cancelling a job in the middle closes the gap", async (on) => {
    await on.sendEach(...inOrder("a", "b", "c"));
    await on.cancel("b");
    assert.deepEqual(await on.runAll(), ["a", "c"]);
  }),

  rule("a head that a failed dependency cancels on send passes its turn to the next job", async (on) => {
    await on.sendEnded("failed", { id: "dependency" });
    const { events, until } = await on.listen();
    await on.sendBatch({ id: "a", orderingKey: "k", dependsOn: ["dependency"] }, ...inOrder("b", "c"));
    await on.expect({ a: "cancelled", b: "queued", c: "blocked" });
    assert.equal((await on.counts()).states.queued, 1);
    await until((seen) => seen.some(({ id }) => id === "c"));
    assert.equal(events.filter(({ id, type }) => id === "b" && type === "queued").length, 1);
    assert.deepEqual(await on.runAll(), ["b", "c"]);
  }),

  rule("a batch where a job depends on one behind it in its key is refused as a cycle", async (on) => {
    const outcome = await on.offer({ id: "a", orderingKey: "k", dependsOn: ["b"] }, ...inOrder("b"));
    assert(!outcome.ok && outcome.reason === "dependency-cycle");
    assert.deepEqual(new Set(outcome.cycle), new Set(["a", "b"]));
    assert.equal(await on.isStored("a"), false);
  }),

  rule("edges show which job a job is behind", async (on) => {
    await on.sendEach(...inOrder("a", "b"));
    assert.equal((await on.edges("b")).behind, "a");
    assert.equal((await on.edges("a")).behind, undefined);
  }),

  rule("a key is free again once its jobs have ended", async (on) => {
    await on.sendEach(...inOrder("a"));
    await on.run("a");
    await on.sendEach(...inOrder("b"));
    await on.expect({ b: "queued" });
  }),
]);
