import assert from "node:assert/strict";
import { HISTOGRAM_BOUNDS } from "../../../engine/queues.ts";
import { rule, section } from "../case.ts";
import { QUEUE } from "../new-job.ts";
import type { Scenario } from "../scenario.ts";
import { LATER, MARGIN, SHORT_LEASE, SOON } from "../timing.ts";

/** What counts say of the longest waiting job of a queue. */
async function oldestWaiting(on: Scenario, queue?: string): Promise<number | undefined> {
  return (await on.counts(queue)).oldestWaiting;
}

/** Counts never answer less than this for a job that became ready before the clock moved by `SOON`. */
const WAITED = SOON;

export const metricsCases = section("metrics", [
  rule("metrics count sends and endings per queue", async (on) => {
    for (const state of ["completed", "completed", "failed", "cancelled"] as const) await on.sendEnded(state);
    await on.send({ id: "a" });
    await on.retryAttempt(await on.take("a"));
    await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    await on.recover();
    const sum = { sent: 0, completed: 0, failed: 0, cancelled: 0, retried: 0, stalled: 0 };
    const spread = { waiting: 0, running: 0 };
    for (const bucket of await on.engine.queues.metrics({ since: 0 })) {
      assert.equal(bucket.queue, QUEUE);
      assert.equal(bucket.message, "TEST_MESSAGE");
      assert.equal(bucket.minute % 60_000, 0);
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += bucket[name];
      for (const name of Object.keys(spread) as (keyof typeof spread)[]) {
        assert.equal(bucket[name].length, HISTOGRAM_BOUNDS.length + 1);
        spread[name] += bucket[name].reduce((total, count) => total + count, 0);
      }
    }
    assert.deepEqual(sum, { sent: 5, completed: 2, failed: 1, cancelled: 1, retried: 1, stalled: 1 });
    assert.deepEqual(spread, { waiting: 6, running: 5 });
  }),

  rule("metrics leave out older minutes than requested", async (on) => {
    const id = await on.sendEnded("completed");
    const { createdAt } = await on.job(id);
    assert.deepEqual(await on.engine.queues.metrics({ since: createdAt + LATER }), []);
  }),

  rule("metrics count each message of a queue apart", async (on) => {
    const x = await on.send({ messageType: "X" });
    const y = await on.send({ messageType: "Y" });
    await on.sendBatch({ messageType: "X", delay: LATER }, { messageType: "Y", priority: 1 });
    await on.run(x);
    await on.fail(await on.take(y));
    const buckets = await on.engine.queues.metrics({ since: 0 });
    const sums = (message: string) => {
      const own = buckets.filter((bucket) => bucket.message === message);
      const sum = (count: (bucket: (typeof own)[number]) => number) =>
        own.reduce((total, bucket) => total + count(bucket), 0);
      const spread = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
      return [
        sum(({ sent }) => sent),
        sum(({ completed }) => completed),
        sum(({ failed }) => failed),
        sum(({ waiting }) => spread(waiting)),
        sum(({ running }) => spread(running)),
      ];
    };
    assert.deepEqual(sums("X"), [2, 1, 0, 1, 1]);
    assert.deepEqual(sums("Y"), [2, 0, 1, 1, 1]);
    assert(buckets.every(({ message }) => message === "X" || message === "Y"));
  }),

  rule("metrics of many messages are bounded, and no count is lost", async (on) => {
    const messages = 1_500;
    await on.sendBatch(
      ...Array.from({ length: messages }, (_, index) => ({ messageType: `MESSAGE_${index}`, queue: "many" })),
    );
    const buckets = await on.engine.queues.metrics({ since: 0 });
    const sent = buckets.reduce((total, bucket) => total + bucket.sent, 0);
    assert.equal(sent, messages);
    for (const minute of new Set(buckets.map((bucket) => bucket.minute))) {
      const some = buckets.filter((bucket) => bucket.minute === minute);
      assert(some.length <= 1_001, `${some.length} buckets in one minute`);
    }
  }),
]);

export const oldestWaitingCases = section("oldest waiting", [
  rule("counts say how long the longest waiting queued job has been ready", async (on) => {
    await on.send({ id: "first" });
    await on.elapse(SOON);
    await on.send({ id: "second" });
    assert((await oldestWaiting(on))! >= WAITED);
    await on.take("first");
    assert((await oldestWaiting(on))! < WAITED);
    await on.elapse(SOON);
    assert((await oldestWaiting(on))! >= WAITED);
    await on.take("second");
    assert.equal(await oldestWaiting(on), undefined);
  }),

  rule("a job with a priority counts, and a cancelled one doesn't", async (on) => {
    await on.sendEach({ id: "cancelled" }, { id: "low", priority: 7, queue: "other" });
    await on.elapse(SOON);
    await on.sendEach({ id: "urgent", queue: "other" }, { id: "next" });
    await on.cancel("cancelled");
    assert((await oldestWaiting(on))! < WAITED);
    assert((await oldestWaiting(on, "other"))! >= WAITED);
  }),

  rule("a job waits since it could run, not since it was sent", async (on) => {
    await on.sendEach(
      { id: "delayed", delay: SOON, queue: "delayed" },
      { id: "dependency", queue: "dependencies" },
      { id: "dependent", dependsOn: ["dependency"] },
      { id: "retried", queue: "retried" },
    );
    const retried = await on.take("retried", "retried");
    await on.elapse(SOON + MARGIN);
    await on.recover();
    await on.run("dependency", "dependencies");
    await on.retryAttempt(retried);
    for (const queue of ["delayed", QUEUE, "retried"])
      assert((await oldestWaiting(on, queue))! < WAITED, queue);
  }),

  rule("a job that became ready late doesn't hide one that waits longer", async (on) => {
    await on.sendEach(
      { id: "dependency", queue: "dependencies" },
      { id: "dependent", dependsOn: ["dependency"] },
      { id: "plain" },
    );
    await on.elapse(SOON);
    await on.run("dependency", "dependencies");
    await on.expect({ dependent: "queued" });
    assert((await oldestWaiting(on))! >= WAITED);
  }),

  rule("jobs of a paused queue, and of messages that are handled apart, count", async (on) => {
    await on.sendEach({ id: "x", messageType: "X" }, { id: "y", messageType: "Y" });
    const claim = (message: string) =>
      on.engine.core.claim({
        queues: [QUEUE],
        limit: 1,
        lease: LATER,
        handles: [{ message, version: 1 }],
      });
    await claim("Y");
    await on.elapse(SOON);
    await on.send({ id: "z", messageType: "Y" });
    assert((await oldestWaiting(on))! >= WAITED);
    await on.engine.queues.pause(QUEUE);
    assert((await oldestWaiting(on))! >= WAITED);
    await on.engine.queues.resume(QUEUE);
    await claim("X");
    assert((await oldestWaiting(on))! < WAITED);
  }),
]);
