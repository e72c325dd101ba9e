import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { LEASE, SHORT_LEASE, SOON } from "../timing.ts";

export const leaseCases = section("leases", [
  rule("an expired lease puts the job back in the queue", async (on) => {
    await on.send({ id: "a" });
    await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    const { requeued, stalled } = await on.recover();
    assert.deepEqual({ requeued, stalled }, { requeued: 1, stalled: 0 });
    await on.expect({ a: "queued" });
  }),

  rule("a lease that hasn't expired is left alone", async (on) => {
    await on.send({ id: "a" });
    const lease = await on.take("a");
    await on.elapse(SHORT_LEASE);
    assert.equal((await on.recover()).requeued, 0);
    await on.complete(lease);
  }),

  rule("a heartbeat extends the lease, counted from now", async (on) => {
    await on.send({ id: "a" });
    const lease = await on.take("a", undefined, SHORT_LEASE);
    assert.equal(await on.beat(lease, LEASE), "held");
    await on.elapse(SHORT_LEASE);
    assert.equal((await on.recover()).requeued, 0);
    await on.complete(lease);
  }),

  rule("leases are extended in one batch, each with its own result", async (on) => {
    await on.sendBatch({ id: "a" }, { id: "b" }, { id: "c" });
    const [a, b, c] = await on.claim(3);
    await on.complete(b!);
    await on.engine.operate.cancel([{ id: "c" }], "stop");
    const leases = [c!, a!, b!, { id: "nowhere", epoch: 1, token: "none" }].map(({ id, epoch, token }) => ({
      id,
      epoch,
      token,
    }));
    assert.deepEqual(await on.engine.core.extend({ leases, lease: LEASE }), [
      { status: "cancelling", reason: "stop" },
      { status: "held" },
      { status: "lost" },
      { status: "lost" },
    ]);
  }),

  rule("an expired lease that wasn't recovered yet still accepts its holder's outcome", async (on) => {
    await on.send({ id: "a" });
    const lease = await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    await on.complete(lease, "1");
    assert.equal((await on.recover()).requeued, 0);
    await on.expect({ a: "completed" });
  }),

  rule("after recovery, the old holder is refused", async (on) => {
    await on.send({ id: "a" });
    const { id, epoch, token } = await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    await on.recover();
    assert.deepEqual(await on.settle({ id, epoch, token, type: "complete" }), ["stale"]);
    assert.equal(await on.beat({ id, epoch, token }), "lost");
    await on.release({ id, epoch, token }, SOON);
    await on.expect({ a: "queued" });
  }),

  rule("a worker frozen past its lease can't overwrite the next attempt", async (on) => {
    await on.send({ id: "a" });
    const sleeper = await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    await on.recover();
    const successor = await on.take("a");
    assert(successor.epoch > sleeper.epoch);
    const late = { ...sleeper, type: "complete", result: '"late"' } as const;
    assert.deepEqual(await on.settle(late), ["stale"]);
    await on.complete(successor, '"right"');
    assert.equal((await on.job("a")).result, '"right"');
  }),

  rule("a recovered job keeps its place in send order", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b" });
    await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    await on.recover();
    assert.deepEqual(await on.claimIds(), ["a", "b"]);
  }),

  rule("concurrent maintenance in many processes recovers a job once", async (on) => {
    await on.send({ id: "a", maxStalls: 3 });
    await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    const peer = await on.peer();
    const reports = await Promise.all(
      [on.engine, peer, on.engine, peer].map((engine) => engine.core.recover()),
    );
    assert.equal(
      reports.reduce((sum, { requeued }) => sum + requeued, 0),
      1,
    );
    assert.equal((await on.job("a")).stalls, 1);
  }),

  rule("one turn of maintenance recovers expired leases in send order, not claim order", async (on) => {
    const stalling = { maxStalls: 1 };
    await on.sendBatch({ id: "a", priority: 1, ...stalling }, { id: "b", ...stalling });
    assert.deepEqual(
      (await on.claim(2, undefined, SHORT_LEASE)).map(({ id }) => id),
      ["b", "a"],
    );
    const { events, until } = await on.listen();
    await on.elapse(SHORT_LEASE);
    await on.recover();
    await until((seen) => seen.length === 2);
    assert.deepEqual(
      events.map(({ type, id }) => `${id} ${type}`),
      ["a failed", "b failed"],
    );
  }),

  rule("more expired leases than one turn handles are all recovered in later turns", async (on) => {
    await on.sendBatch(...Array.from({ length: 3_000 }, () => ({})));
    await on.claim(3_000, undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    assert.equal((await on.recover()).requeued, 3_000);
    assert.equal((await on.counts()).states.queued, 3_000);
  }),
]);

export const stallCases = section("stalls", [
  rule("crashes are counted apart from failures: a lost lease uses up no attempt", async (on) => {
    await on.send({ id: "a", maxAttempts: 1, maxStalls: 5 });
    for (let stalls = 1; stalls <= 3; stalls++) {
      await on.take("a", undefined, SHORT_LEASE);
      await on.elapse(SHORT_LEASE);
      await on.recover();
      assert.equal((await on.job("a")).stalls, stalls);
    }
    const lease = await on.take("a");
    assert.equal(lease.attempt, 1);
    assert.equal(lease.stalls, 3);
    await on.complete(lease);
  }),

  rule("a job that loses its worker `maxStalls` times fails with STALLED", async (on) => {
    await on.send({ id: "a", maxStalls: 2 });
    for (const state of ["queued", "failed"] as const) {
      await on.take("a", undefined, SHORT_LEASE);
      await on.elapse(SHORT_LEASE);
      const { requeued, stalled } = await on.recover();
      assert.equal(requeued + stalled, 1);
      await on.expect({ a: state });
    }
    assert.equal(await on.errorCode("a"), "STALLED");
    assert.equal((await on.job("a")).stalls, 2);
  }),

  rule("maintenance reports recovered jobs and jobs that failed with STALLED", async (on) => {
    await on.sendBatch({ id: "a", maxStalls: 1 }, { id: "b", maxStalls: 2 });
    await on.claim(2, undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    const { requeued, stalled } = await on.recover();
    assert.deepEqual({ requeued, stalled }, { requeued: 1, stalled: 1 });
  }),

  rule("a failure between two stalls doesn't reset their count", async (on) => {
    await on.send({ id: "a", maxStalls: 2 });
    await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    await on.recover();
    await on.retryAttempt(await on.take("a"));
    await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    await on.recover();
    await on.expect({ a: "failed" });
    assert.equal(await on.errorCode("a"), "STALLED");
  }),

  rule("stalled attempts are kept in the job's history", async (on) => {
    await on.send({ id: "a" });
    const { epoch } = await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    await on.recover();
    const { failures } = await on.job("a");
    assert.equal(failures.length, 1);
    assert.equal(failures[0]?.epoch, epoch);
  }),
]);

export const releaseCases = section("releasing", [
  rule("a released job returns to its place, and uses up no attempt", async (on) => {
    await on.sendEach({ id: "a", maxAttempts: 1 }, { id: "b" });
    const first = await on.take("a");
    await on.release(first);
    await on.expect({ a: "queued" });
    const second = await on.take("a");
    assert.equal(second.attempt, 1);
    assert(second.epoch > first.epoch);
  }),

  rule("a job that was released, or retried, has no start until it runs again", async (on) => {
    await on.send({ id: "a" });
    await on.release(await on.take("a"));
    assert.equal((await on.job("a")).startedAt, undefined);
    const [listed] = (await on.engine.inspect.list({ fields: "summary", limit: 1 })).jobs;
    assert.equal(listed!.startedAt, undefined);
    await on.fail(await on.take("a"));
    assert(typeof (await on.job("a")).startedAt === "number");
    await on.engine.operate.retry([{ id: "a" }]);
    assert.equal((await on.job("a")).startedAt, undefined);
    await on.release(await on.take("a"), SOON);
    assert.equal((await on.job("a")).startedAt, undefined);
    await on.elapse(SOON);
    await on.take("a");
    assert(typeof (await on.job("a")).startedAt === "number");
  }),

  rule("a release with `bounce` counts as a bounce", async (on) => {
    await on.send({ id: "a" });
    await on.release(await on.take("a"), 0, true);
    await on.release(await on.take("a"), 0, true);
    await on.release(await on.take("a"), 0, false);
    const { bounces, stalls, attempt } = await on.take("a");
    assert.deepEqual({ bounces, stalls, attempt }, { bounces: 2, stalls: 0, attempt: 1 });
  }),

  rule("a release with a delay schedules the job", async (on) => {
    await on.send({ id: "a" });
    await on.release(await on.take("a"), SOON);
    await on.expect({ a: "scheduled" });
    assert.deepEqual(await on.claimIds(), []);
    await on.elapse(SOON);
    await on.run("a");
  }),

  rule("after a release, the old holder is refused", async (on) => {
    await on.send({ id: "a" });
    const { id, epoch, token } = await on.take("a");
    await on.release({ id, epoch, token });
    assert.deepEqual(await on.settle({ id, epoch, token, type: "complete" }), ["stale"]);
    await on.expect({ a: "queued" });
  }),
]);
