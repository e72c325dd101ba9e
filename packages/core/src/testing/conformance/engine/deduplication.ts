import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { retain } from "../new-job.ts";
import { LATER, SHORT_LEASE, SOON } from "../timing.ts";

const DAILY = { key: "daily", window: LATER };
/** A window that a case waits for. */
const BRIEF = { key: "daily", window: SOON };

export const dedupeCases = section("deduplication", [
  rule("a second send with the same dedupe key answers the first job's id", async (on) => {
    await on.send({ id: "a", dedupe: DAILY });
    const second = await on.offer({ id: "b", dedupe: DAILY });
    assert.deepEqual(second, { ok: true, jobs: [{ id: "a", created: false }] });
    assert.equal(await on.isStored("b"), false);
    assert.deepEqual(await on.claimIds(), ["a"]);
  }),

  rule("different dedupe keys don't meet", async (on) => {
    await on.send({ id: "a", dedupe: { key: "one", window: LATER } });
    assert.equal(await on.send({ id: "b", dedupe: { key: "two", window: LATER } }), "b");
  }),

  rule("within the window it does so although the first job has completed", async (on) => {
    await on.sendEnded("completed", { id: "a", dedupe: DAILY });
    assert.equal(await on.send({ id: "b", dedupe: DAILY }), "a");
    assert.deepEqual(await on.claimIds(), []);
  }),

  rule("after the window of a completed job the key stores a new one", async (on) => {
    await on.sendEnded("completed", { id: "a", dedupe: BRIEF });
    await on.elapse(SOON);
    assert.equal(await on.send({ id: "b", dedupe: BRIEF }), "b");
    assert.deepEqual(await on.claimIds(), ["b"]);
  }),

  rule("a job that completes after its window frees its key", async (on) => {
    await on.send({ id: "a", dedupe: BRIEF });
    await on.elapse(SOON);
    await on.run("a");
    assert.equal(await on.send({ id: "b", dedupe: BRIEF }), "b");
  }),

  rule("an unfinished job keeps its key beyond the window, whatever it waits for", async (on) => {
    const brief = (key: string) => ({ id: key, dedupe: { key, window: SOON } });
    await on.sendEach({ ...brief("retried") }, { ...brief("active") });
    await on.retryAttempt(await on.take("retried"), LATER);
    await on.take("active");
    await on.sendEach(
      brief("queued"),
      { ...brief("urgent"), priority: 1 },
      { ...brief("scheduled"), delay: LATER },
      { ...brief("blocked"), dependsOn: ["active"] },
    );
    await on.elapse(SOON);
    await on.recover();
    for (const key of ["retried", "active", "queued", "urgent", "scheduled", "blocked"]) {
      assert.equal(await on.send({ id: `again-${key}`, dedupe: { key, window: SOON } }), key);
    }
  }),

  rule("a repeat doesn't lengthen the window", async (on) => {
    const dedupe = { key: "daily", window: 2 * SOON };
    await on.sendEnded("completed", { id: "a", dedupe });
    await on.elapse(SOON);
    assert.equal(await on.send({ id: "b", dedupe }), "a");
    await on.elapse(SOON);
    assert.equal(await on.send({ id: "c", dedupe }), "c");
  }),

  rule("failure and cancellation free the key", async (on) => {
    for (const state of ["failed", "cancelled"] as const) {
      await on.sendEnded(state, { id: state, dedupe: DAILY });
      assert.equal(await on.send({ id: `after-${state}`, dedupe: DAILY }), `after-${state}`);
      assert.equal(await on.send({ id: "repeat", dedupe: DAILY }), `after-${state}`);
      await on.remove(`after-${state}`);
    }
  }),

  rule("so does the end of a job whose workers died too often", async (on) => {
    await on.send({ id: "a", dedupe: DAILY, maxStalls: 1 });
    await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    await on.recover();
    await on.expect({ a: "failed" });
    assert.equal(await on.send({ id: "b", dedupe: DAILY }), "b");
  }),

  rule(
    "so does the cancellation of a job that hasn't run; one that was told to stop keeps it until it ends",
    async (on) => {
      await on.send({ id: "a", dedupe: DAILY });
      await on.cancel("a");
      await on.send({ id: "b", dedupe: DAILY });
      const lease = await on.take("b");
      assert.deepEqual(await on.engine.operate.cancel(["b"], "stop"), ["cancelling"]);
      assert.equal(await on.send({ id: "c", dedupe: DAILY }), "b");
      await on.cancelAttempt(lease);
      assert.equal(await on.send({ id: "d", dedupe: DAILY }), "d");
    },
  ),

  rule("so does the failure of a dependency, before or after the job was sent", async (on) => {
    await on.sendEach({ id: "parent" }, { id: "a", dedupe: DAILY, dependsOn: ["parent"] });
    await on.fail(await on.take("parent"));
    await on.send({ id: "b", dedupe: DAILY, dependsOn: ["parent"] });
    await on.expect({ a: "cancelled", b: "cancelled" });
    assert.equal(await on.send({ id: "c", dedupe: DAILY }), "c");
  }),

  rule("removing a job frees its key, whether it has ended or not", async (on) => {
    await on.send({ id: "a", dedupe: DAILY });
    await on.remove("a");
    await on.sendEnded("completed", { id: "b", dedupe: DAILY });
    await on.remove("b");
    assert.equal(await on.send({ id: "c", dedupe: DAILY }), "c");
  }),

  rule("cleaning frees the keys of what it removes", async (on) => {
    await on.sendEnded("completed", { id: "a", dedupe: DAILY });
    await on.engine.operate.clean({ state: "completed", olderThan: 0, limit: 9 });
    assert.equal(await on.send({ id: "b", dedupe: DAILY }), "b");
  }),

  rule("retention doesn't: the key goes on to stand for a completed job that is gone", async (on) => {
    const bounds = retain({ completed: { count: 0 } });
    await on.sendEnded("completed", { id: "a", dedupe: DAILY, retain: bounds });
    await on.recover();
    assert.equal(await on.isStored("a"), false);
    const ids = await on.sendBatch({ id: "b", dedupe: DAILY }, { id: "child", dependsOn: ["b"] });
    assert.deepEqual(ids, ["a", "child"]);
    await on.expect({ child: "queued" });
  }),

  rule("a reopened job takes its key back if it is free, with the window of its first send", async (on) => {
    await on.sendEnded("failed", { id: "a", dedupe: BRIEF });
    await on.retry("a");
    await on.elapse(SOON);
    assert.equal(await on.send({ id: "b", dedupe: BRIEF }), "a");
    await on.run("a");
    assert.equal(await on.send({ id: "c", dedupe: BRIEF }), "c");
  }),

  rule("a reopened job whose key stands for another goes on without it", async (on) => {
    await on.sendEnded("failed", { id: "a", dedupe: DAILY });
    await on.sendEnded("completed", { id: "b", dedupe: DAILY });
    await on.retry("a");
    assert.equal(await on.send({ id: "c", dedupe: DAILY }), "b");
    await on.run("a");
    assert.equal(await on.send({ id: "d", dedupe: DAILY }), "b");
    await on.remove("a");
    assert.equal(await on.send({ id: "e", dedupe: DAILY }), "b");
    await on.remove("b");
    assert.equal(await on.send({ id: "f", dedupe: DAILY }), "f");
  }),

  rule("a refused batch doesn't take its dedupe keys", async (on) => {
    await on.offer({ id: "a", dedupe: DAILY }, { id: "x", dependsOn: ["nowhere"] });
    assert.equal(await on.send({ id: "b", dedupe: DAILY }), "b");
  }),

  rule("two jobs of one batch with the same dedupe key are one", async (on) => {
    const ids = await on.sendBatch({ id: "a", dedupe: DAILY }, { id: "b", dedupe: DAILY });
    assert.deepEqual(ids, ["a", "a"]);
    assert.deepEqual(await on.claimIds(), ["a"]);
  }),

  rule("in a batch, a reference to a deduplicated job means the first one", async (on) => {
    await on.send({ id: "first", dedupe: DAILY });
    await on.sendBatch({ id: "again", dedupe: DAILY }, { id: "child", dependsOn: ["again"] });
    assert.deepEqual(
      (await on.edges("child")).dependencies.map(({ job }) => job),
      ["first"],
    );
    await on.expect({ child: "blocked" });
    await on.run("first");
    await on.expect({ child: "queued" });
  }),
]);
