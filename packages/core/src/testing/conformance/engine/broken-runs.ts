import assert from "node:assert/strict";
import type { ClaimedJob } from "../../../engine/core.ts";
import { rule, section } from "../case.ts";
import type { Scenario } from "../scenario.ts";
import { LEASE, SHORT_LEASE, SOON } from "../timing.ts";

/** Jobs with one ordering key, with these ids, in send order. */
const inOrder = (...ids: readonly string[]) => ids.map((id) => ({ id, orderingKey: "k" }));
/** The same, where a failed head holds the key. */
const holding = (...ids: readonly string[]) =>
  inOrder(...ids).map((spec) => ({ ...spec, onOrderingFailure: "hold" as const }));

/** Asserts that a job is waiting, and that the worker that had reserved it is refused. */
async function assertVoid(
  on: Scenario,
  { id, epoch, token }: ClaimedJob,
  state: "blocked" | "queued" = "blocked",
) {
  await on.expect({ [id]: state });
  assert.equal(await on.beat({ id, epoch, token }), "lost", `the reservation of ${id}`);
  assert.deepEqual(await on.settle({ id, epoch, token, type: "complete" }), ["stale"]);
  await on.release({ id, epoch, token }, SOON, true);
  await on.expect({ [id]: state });
  const { attempt, stalls, bounces } = await on.job(id);
  assert.deepEqual({ attempt, stalls, bounces }, { attempt: 0, stalls: 0, bounces: 0 });
}

export const brokenRunCases = section("interrupted runs", [
  rule("a retry voids the reservations behind it", async (on) => {
    await on.sendBatch(...inOrder("a", "b", "c"));
    const [a, b, c] = await on.takeRun(["a", "b", "c"]);
    await on.retryAttempt(a!);
    await assertVoid(on, b!);
    await assertVoid(on, c!);
    assert.deepEqual(await on.runAll(), ["a", "b", "c"]);
  }),

  rule("the epoch of a void reservation isn't assigned again", async (on) => {
    await on.sendBatch(...inOrder("a", "b"));
    const [a, b] = await on.takeRun(["a", "b"]);
    await on.retryAttempt(a!);
    const [again, next] = await on.takeRun(["a", "b"]);
    assert(again!.epoch > a!.epoch && next!.epoch > b!.epoch);
    await on.complete(again!);
    assert.deepEqual(await on.settle({ ...b!, type: "complete" }), ["stale"]);
    await on.complete(next!);
  }),

  rule("a release of the first job voids the reservations behind it", async (on) => {
    await on.sendBatch(...inOrder("a", "b"));
    const [a, b] = await on.takeRun(["a", "b"]);
    await on.release(a!);
    await on.expect({ a: "queued" });
    await assertVoid(on, b!);
  }),

  rule("a retry or release in the middle of a run voids the rest of it", async (on) => {
    await on.sendBatch(...inOrder("a", "b", "c"));
    const [a, b, c] = await on.takeRun(["a", "b", "c"]);
    await on.complete(a!);
    await on.release(b!);
    await on.expect({ b: "queued" });
    await assertVoid(on, c!);
    assert.deepEqual(await on.runAll(), ["b", "c"]);
  }),

  rule("a lost lease of the first job voids the reservations behind it", async (on) => {
    await on.sendBatch(...inOrder("a", "b"));
    const [, b] = await on.takeRun(["a", "b"], SHORT_LEASE);
    await on.beat(b!, LEASE);
    await on.elapse(SHORT_LEASE);
    const { requeued, stalled } = await on.recover();
    assert.deepEqual({ requeued, stalled }, { requeued: 1, stalled: 0 });
    await on.expect({ a: "queued" });
    await assertVoid(on, b!);
  }),

  rule("when a job fails with STALLED, the next in line is queued, not started", async (on) => {
    await on.sendBatch(...inOrder("a", "b", "c").map((spec) => ({ ...spec, maxStalls: 1 })));
    const [, b, c] = await on.takeRun(["a", "b", "c"], SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    const { requeued, stalled } = await on.recover();
    assert.deepEqual({ requeued, stalled }, { requeued: 0, stalled: 1 });
    await on.expect({ a: "failed" });
    await assertVoid(on, b!, "queued");
    await assertVoid(on, c!);
  }),

  rule("a failure that holds the key voids the reservations, and its claim has `holdsKey`", async (on) => {
    await on.sendBatch(...holding("a"), ...inOrder("b"));
    const [a, b] = await on.takeRun(["a", "b"]);
    assert.deepEqual([a?.holdsKey, b?.holdsKey], [true, undefined]);
    await on.fail(a!);
    await on.expect({ a: "failed" });
    await assertVoid(on, b!);
    await on.retry("a");
    assert.deepEqual(await on.runAll(), ["a", "b"]);
  }),

  rule("releasing a reserved job voids it and those behind it, not those ahead", async (on) => {
    await on.sendBatch(...inOrder("a", "b", "c", "d"));
    const [a, b, c, d] = await on.takeRun(["a", "b", "c", "d"]);
    await on.release(c!, SOON, true);
    await assertVoid(on, c!);
    await assertVoid(on, d!);
    await on.complete(a!);
    await on.complete(b!);
    await on.expect({ c: "queued", d: "blocked" });
  }),

  rule(
    "a reserved job's lost lease voids it and those behind it, and doesn't count as a stall",
    async (on) => {
      await on.sendBatch(...inOrder("a", "b", "c", "d", "e"));
      const [a, b, c, d, e] = await on.takeRun(["a", "b", "c", "d", "e"], SHORT_LEASE);
      for (const kept of [a, b, e]) await on.beat(kept!, LEASE);
      await on.elapse(SHORT_LEASE);
      const { requeued, stalled } = await on.recover();
      assert.deepEqual({ requeued, stalled }, { requeued: 0, stalled: 0 });
      for (const lost of [c, d, e]) await assertVoid(on, lost!);
      await on.complete(a!);
      await on.expect({ b: "active" });
      await on.complete(b!);
      await on.expect({ c: "queued" });
    },
  ),

  rule("a reserved job with a cancel request is cancelled when its reservation is voided", async (on) => {
    await on.sendBatch(...inOrder("a", "b", "c"));
    const [a] = await on.takeRun(["a", "b", "c"]);
    await on.engine.operate.cancel([{ id: "b" }], "stop");
    await on.retryAttempt(a!);
    await on.expect({ a: "queued", b: "cancelled", c: "blocked" });
    assert.equal(await on.errorCode("b"), "JOB_CANCELLED");
    assert.deepEqual(await on.runAll(), ["a", "c"]);
  }),

  rule("a job with a cancel request that retries is cancelled, and its run continues", async (on) => {
    await on.sendBatch(...inOrder("a", "b"));
    const [a, b] = await on.takeRun(["a", "b"]);
    await on.engine.operate.cancel([{ id: "a" }], "stop");
    await on.retryAttempt(a!);
    await on.expect({ a: "cancelled", b: "active" });
    await on.complete(b!);
  }),
]);
