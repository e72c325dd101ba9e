import assert from "node:assert/strict";
import type { AttemptOutcome, Lease } from "../../../engine/core.ts";
import { rule, section } from "../case.ts";
import { errorText } from "../new-error.ts";
import { QUEUE } from "../new-job.ts";
import { LEASE } from "../timing.ts";

export const claimingCases = section("claiming", [
  rule("a claimed job has everything its handler needs", async (on) => {
    await on.send({ id: "a", maxAttempts: 7 });
    const { envelope, createdAt, token, ...job } = await on.take("a");
    assert.equal(envelope.id, "a");
    assert(Number.isFinite(createdAt));
    assert(token.length > 0);
    assert.deepEqual(job, {
      id: "a",
      queue: QUEUE,
      epoch: 1,
      attempt: 1,
      maxAttempts: 7,
      stalls: 0,
      bounces: 0,
      dependsOn: [],
    });
  }),

  rule("a claim takes at most its limit", async (on) => {
    await on.sendBatch({ id: "a" }, { id: "b" }, { id: "c" });
    assert.deepEqual(await on.claimIds(2), ["a", "b"]);
    assert.deepEqual(await on.claimIds(2), ["c"]);
    assert.deepEqual(await on.claimIds(2), []);
  }),

  rule("a claim serves its queues in the order they are listed", async (on) => {
    await on.sendEach({ id: "a", queue: "one" }, { id: "b", queue: "two" }, { id: "c", queue: "two" });
    assert.deepEqual(await on.claimIds(2, ["two", "one"]), ["b", "c"]);
    assert.deepEqual(await on.claimIds(2, ["two", "one"]), ["a"]);
  }),

  rule("a claim takes from no other queue", async (on) => {
    await on.send({ id: "a", queue: "one" });
    assert.deepEqual(await on.claimIds(10, ["two"]), []);
    assert.deepEqual(await on.claimIds(10, ["one"]), ["a"]);
  }),

  rule("an unknown queue is empty", async (on) => {
    assert.deepEqual(await on.claimIds(10, ["nowhere"]), []);
  }),

  rule("a job goes to only one of many concurrent claims", async (on) => {
    const ids = Array.from({ length: 100 }, (_, index) => `n${index}`);
    await on.sendBatch(...ids.map((id) => ({ id })));
    const peer = await on.peer();
    const claims = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        (index % 2 ? peer : on.engine).core.claim({ queues: [QUEUE], limit: 7, lease: LEASE }),
      ),
    );
    const claimed = claims.flatMap(({ jobs }) => jobs).map(({ id }) => id);
    assert.equal(claimed.length, 100);
    assert.deepEqual(new Set(claimed), new Set(ids));
  }),

  rule("each claim of a job assigns the next epoch", async (on) => {
    await on.send({ id: "a", maxAttempts: 10 });
    let last = 0;
    for (let round = 0; round < 5; round++) {
      const lease = await on.take("a");
      assert(lease.epoch > last, `epoch ${lease.epoch} follows ${last}`);
      last = lease.epoch;
      await on.retryAttempt(lease);
    }
  }),
]);

const ENDINGS: Readonly<Record<string, (lease: Lease) => AttemptOutcome>> = {
  complete: (lease) => ({ ...lease, type: "complete", result: "1" }),
  fail: (lease) => ({ ...lease, type: "fail", error: errorText("LATE") }),
  retry: (lease) => ({ ...lease, type: "retry", error: errorText("LATE"), delay: 0 }),
  cancel: (lease) => ({ ...lease, type: "cancel", error: errorText("LATE") }),
};

/** The fence: calls with an epoch that no longer holds the job are refused, and change nothing. */
export const fenceCases = section("the fence", [
  ...Object.entries(ENDINGS).map(([type, outcome]) =>
    rule(`\`${type}\` with an earlier epoch is refused`, async (on) => {
      await on.send({ id: "a" });
      const first = await on.take("a");
      await on.retryAttempt(first);
      const second = await on.take("a");
      const before = await on.job("a");
      assert.deepEqual(await on.settle(outcome(first)), ["stale"]);
      assert.deepEqual(await on.job("a"), before);
      await on.complete(second);
    }),
  ),

  rule("a heartbeat with an earlier epoch is refused, including its progress and logs", async (on) => {
    await on.send({ id: "a" });
    const first = await on.take("a");
    await on.retryAttempt(first);
    await on.take("a");
    const heartbeat = { ...first, progress: "1", logs: [{ at: 0, message: "late" }] };
    assert.deepEqual(await on.engine.core.extend({ leases: [heartbeat], lease: LEASE }), [
      { status: "lost" },
    ]);
    const { progress, logs } = await on.job("a");
    assert.equal(progress, undefined);
    assert.deepEqual(logs, []);
  }),

  rule("a release with an earlier epoch is ignored", async (on) => {
    await on.send({ id: "a" });
    const first = await on.take("a");
    await on.retryAttempt(first);
    const second = await on.take("a");
    await on.release(first);
    await on.expect({ a: "active" });
    await on.complete(second);
  }),

  rule("an epoch that was never assigned is refused", async (on) => {
    await on.send({ id: "a" });
    const { id, epoch, token } = await on.take("a");
    assert.deepEqual(await on.settle({ id, token, epoch: epoch + 1, type: "complete" }), ["stale"]);
    assert.equal(await on.beat({ id, token, epoch: epoch + 1 }), "lost");
    assert.deepEqual(await on.settle({ id, token, epoch: 0, type: "complete" }), ["stale"]);
    await on.expect({ a: "active" });
  }),

  rule("a job that was never stored is refused", async (on) => {
    assert.deepEqual(await on.settle({ id: "nowhere", epoch: 1, token: "none", type: "complete" }), [
      "stale",
    ]);
    assert.equal(await on.beat({ id: "nowhere", epoch: 1, token: "none" }), "lost");
    await on.release({ id: "nowhere", epoch: 1, token: "none" });
    assert.equal(await on.isStored("nowhere"), false);
  }),

  ...Object.entries(ENDINGS).map(([type, outcome]) =>
    rule(`\`${type}\` with the right epoch and another claim's token is refused`, async (on) => {
      await on.sendBatch({ id: "a", maxAttempts: 10 }, { id: "b" });
      const own = await on.take("a");
      const other = await on.take("b");
      const before = await on.job("a");
      for (const token of [other.token, "", "none", `${own.token}0`, `+${own.token}`]) {
        assert.deepEqual(await on.settle(outcome({ id: "a", epoch: own.epoch, token })), ["stale"]);
      }
      assert.deepEqual(await on.job("a"), before);
      await on.complete(own);
    }),
  ),

  rule("a heartbeat and a release with another claim's token are refused", async (on) => {
    await on.sendBatch({ id: "a" }, { id: "b" });
    const own = await on.take("a");
    const other = await on.take("b");
    const foreign = { id: "a", epoch: own.epoch, token: other.token };
    assert.equal(await on.beat(foreign), "lost");
    await on.release(foreign);
    await on.expect({ a: "active" });
    assert.equal(await on.beat(own), "held");
  }),

  rule("the jobs of one claim share a token, and other claims have other tokens", async (on) => {
    await on.sendBatch(...["a", "b", "c", "d"].map((id) => ({ id })));
    const [a, b] = await on.claim(2);
    const [c, d] = await on.claim(2);
    assert.equal(a!.token, b!.token);
    assert.equal(c!.token, d!.token);
    assert.notEqual(a!.token, c!.token);
  }),

  rule("a heartbeat for some jobs of a claim doesn't affect the leases of the others", async (on) => {
    await on.sendBatch(...["a", "b", "c"].map((id) => ({ id })));
    const [a, b, c] = await on.claim(3);
    assert.equal(await on.beat(b!), "held");
    assert.equal(await on.beat(b!), "held");
    assert.equal(await on.beat(c!), "held");
    for (const lease of [a!, b!, c!]) await on.complete(lease);
  }),

  rule("exactly one outcome of an attempt is accepted", async (on) => {
    await on.send({ id: "a" });
    const { id, epoch, token } = await on.take("a");
    const peer = await on.peer();
    const endings = Object.values(ENDINGS).map((ending, index) =>
      (index % 2 ? peer : on.engine).core.settle({ outcomes: [ending({ id, epoch, token })] }),
    );
    const verdicts = (await Promise.all(endings)).flatMap((reply) => reply.verdicts);
    assert.deepEqual(verdicts.filter((verdict) => verdict === "accepted").length, 1);
  }),

  rule("a repeat of an accepted outcome is refused, and changes nothing", async (on) => {
    await on.send({ id: "a" });
    const { id, epoch, token } = await on.take("a");
    await on.complete({ id, epoch, token }, '"first"');
    assert.deepEqual(await on.settle({ id, epoch, token, type: "complete", result: '"second"' }), ["stale"]);
    assert.equal((await on.job("a")).result, '"first"');
  }),

  rule("of two outcomes of one attempt in one request, the first is accepted", async (on) => {
    await on.send({ id: "a" });
    const { id, epoch, token } = await on.take("a");
    const error = errorText("LATE");
    const verdicts = await on.settle(
      { id, epoch, token, type: "complete" },
      { id, epoch, token, type: "fail", error },
    );
    assert.deepEqual(verdicts, ["accepted", "stale"]);
    await on.expect({ a: "completed" });
  }),
]);

export const settlingCases = section("running", [
  rule("completing stores the result", async (on) => {
    await on.send({ id: "a" });
    await on.complete(await on.take("a"), '{"planId":"7"}');
    assert.equal((await on.job("a")).result, '{"planId":"7"}');
  }),

  rule("completing without a result stores none", async (on) => {
    await on.send({ id: "a" });
    await on.complete(await on.take("a"));
    assert.equal((await on.job("a")).result, undefined);
  }),

  rule("verdicts are in the order of the outcomes", async (on) => {
    await on.sendBatch({ id: "a" }, { id: "b" });
    const [a, b] = await on.claim(2);
    const verdicts = await on.settle(
      { ...b!, type: "complete" },
      { id: "nowhere", epoch: 1, token: "none", type: "complete" },
      { ...a!, epoch: a!.epoch + 7, type: "complete" },
      { ...a!, type: "complete" },
    );
    assert.deepEqual(verdicts, ["accepted", "stale", "stale", "accepted"]);
  }),

  rule("settling can claim in the same step", async (on) => {
    await on.sendBatch({ id: "a" }, { id: "b" }, { id: "c" });
    const { id, epoch, token } = await on.take("a");
    const reply = await on.engine.core.settle({
      outcomes: [{ id, epoch, token, type: "complete" }],
      claim: { queues: [QUEUE], limit: 1, lease: LEASE },
    });
    assert.deepEqual(
      reply.claimed.map((job) => job.id),
      ["b"],
    );
    await on.complete(reply.claimed[0]!);
  }),

  rule("settling nothing and claiming is a claim", async (on) => {
    await on.send({ id: "a" });
    const { verdicts, claimed } = await on.engine.core.settle({
      outcomes: [],
      claim: { queues: [QUEUE], limit: 5, lease: LEASE },
    });
    assert.deepEqual(verdicts, []);
    assert.deepEqual(
      claimed.map((job) => job.id),
      ["a"],
    );
  }),

  rule("a heartbeat stores progress, and the last one counts", async (on) => {
    await on.send({ id: "a" });
    const { id, epoch, token } = await on.take("a");
    for (const progress of ['{"scanned":1}', '{"scanned":2}']) {
      await on.engine.core.extend({ leases: [{ id, epoch, token, progress }], lease: LEASE });
    }
    await on.beat({ id, epoch, token });
    assert.equal((await on.job("a")).progress, '{"scanned":2}');
  }),

  rule("a heartbeat adds logs, of which the newest hundred are kept", async (on) => {
    await on.send({ id: "a" });
    const { id, epoch, token } = await on.take("a");
    const line = (at: number) => ({ at, message: `line ${at}` });
    for (let round = 0; round < 3; round++) {
      const logs = Array.from({ length: 50 }, (_, index) => line(round * 50 + index));
      await on.engine.core.extend({ leases: [{ id, epoch, token, logs }], lease: LEASE });
    }
    const kept = Array.from({ length: 100 }, (_, index) => line(50 + index));
    assert.deepEqual((await on.job("a")).logs, kept);
  }),

  rule("progress emits an event", async (on) => {
    await on.send({ id: "a" });
    const { id, epoch, token } = await on.take("a");
    const { events, until } = await on.listen();
    await on.engine.core.extend({ leases: [{ id, epoch, token, progress: "1" }], lease: LEASE });
    await until((seen) => seen.length > 0);
    assert.equal(events[0]?.type, "progress");
    assert.equal(events[0]?.id, "a");
  }),
]);
