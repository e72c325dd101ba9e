import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { retain } from "../new-job.ts";
import { LATER, SHORT_LEASE, SOON } from "../timing.ts";

const DAILY = { key: "daily", window: LATER };
/** A window that a case waits for. */
const BRIEF = { key: "daily", window: SOON };

export const dedupeCases = section("deduplication", [
  rule("a second send with the same dedupe key returns the first job's id", async (on) => {
    await on.send({ id: "a", dedupe: DAILY });
    const second = await on.offer({ id: "b", dedupe: DAILY });
    assert.deepEqual(second, { ok: true, jobs: [{ id: "a", created: false }] });
    assert.equal(await on.isStored("b"), false);
    assert.deepEqual(await on.claimIds(), ["a"]);
  }),

  rule("different dedupe keys are independent", async (on) => {
    await on.send({ id: "a", dedupe: { key: "one", window: LATER } });
    assert.equal(await on.send({ id: "b", dedupe: { key: "two", window: LATER } }), "b");
  }),

  rule("within the window it does so even after the first job has completed", async (on) => {
    await on.sendEnded("completed", { id: "a", dedupe: DAILY });
    assert.equal(await on.send({ id: "b", dedupe: DAILY }), "a");
    assert.deepEqual(await on.claimIds(), []);
  }),

  rule("after the window of a completed job, the key stores a new job", async (on) => {
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

  rule("an unfinished job keeps its key beyond the window, whatever its state", async (on) => {
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

  rule("a repeat doesn't extend the window", async (on) => {
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

  rule("failing with STALLED frees the key", async (on) => {
    await on.send({ id: "a", dedupe: DAILY, maxStalls: 1 });
    await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    await on.recover();
    await on.expect({ a: "failed" });
    assert.equal(await on.send({ id: "b", dedupe: DAILY }), "b");
  }),

  rule("cancelling a job that hasn't run frees the key; a running one keeps it until it ends", async (on) => {
    await on.send({ id: "a", dedupe: DAILY });
    await on.cancel("a");
    await on.send({ id: "b", dedupe: DAILY });
    const lease = await on.take("b");
    assert.deepEqual(await on.engine.operate.cancel([{ id: "b" }], "stop"), ["cancelling"]);
    assert.equal(await on.send({ id: "c", dedupe: DAILY }), "b");
    await on.cancelAttempt(lease);
    assert.equal(await on.send({ id: "d", dedupe: DAILY }), "d");
  }),

  rule(
    "cancellation by a failed dependency frees the key, whether it failed before or after the send",
    async (on) => {
      await on.sendEach({ id: "parent" }, { id: "a", dedupe: DAILY, dependsOn: ["parent"] });
      await on.fail(await on.take("parent"));
      await on.send({ id: "b", dedupe: DAILY, dependsOn: ["parent"] });
      await on.expect({ a: "cancelled", b: "cancelled" });
      assert.equal(await on.send({ id: "c", dedupe: DAILY }), "c");
    },
  ),

  rule("removing a job frees its key, ended or not", async (on) => {
    await on.send({ id: "a", dedupe: DAILY });
    await on.remove("a");
    await on.sendEnded("completed", { id: "b", dedupe: DAILY });
    await on.remove("b");
    assert.equal(await on.send({ id: "c", dedupe: DAILY }), "c");
  }),

  rule("cleaning frees the keys of the removed jobs", async (on) => {
    await on.sendEnded("completed", { id: "a", dedupe: DAILY });
    await on.engine.operate.clean({ state: "completed", olderThan: 0, limit: 9 });
    assert.equal(await on.send({ id: "b", dedupe: DAILY }), "b");
  }),

  rule("retention doesn't free the key: it still stands for the trimmed completed job", async (on) => {
    const bounds = retain({ completed: { count: 0 } });
    await on.sendEnded("completed", { id: "a", dedupe: DAILY, retain: bounds });
    await on.recover();
    assert.equal(await on.isStored("a"), false);
    const ids = await on.sendBatch({ id: "b", dedupe: DAILY }, { id: "child", dependsOn: ["b"] });
    assert.deepEqual(ids, ["a", "child"]);
    await on.expect({ child: "queued" });
  }),

  rule(
    "a reopened job takes its key back if it is free, with the window of the original send",
    async (on) => {
      await on.sendEnded("failed", { id: "a", dedupe: BRIEF });
      await on.retry("a");
      await on.elapse(SOON);
      assert.equal(await on.send({ id: "b", dedupe: BRIEF }), "a");
      await on.run("a");
      assert.equal(await on.send({ id: "c", dedupe: BRIEF }), "c");
    },
  ),

  rule("a reopened job whose key stands for another job continues without it", async (on) => {
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

  rule("a refused batch doesn't occupy its dedupe keys", async (on) => {
    await on.offer({ id: "a", dedupe: DAILY }, { id: "x", dependsOn: ["nowhere"] });
    assert.equal(await on.send({ id: "b", dedupe: DAILY }), "b");
  }),

  rule("two jobs of one batch with the same dedupe key become one", async (on) => {
    const ids = await on.sendBatch({ id: "a", dedupe: DAILY }, { id: "b", dedupe: DAILY });
    assert.deepEqual(ids, ["a", "a"]);
    assert.deepEqual(await on.claimIds(), ["a"]);
  }),

  rule("in a batch, a reference to a deduplicated job resolves to the first one", async (on) => {
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
