import assert from "node:assert/strict";
import type { AttemptOutcome, Lease } from "../../../engine/core.ts";
import { rule, section } from "../case.ts";
import { LATER, LEASE, SHORT_LEASE } from "../timing.ts";

/** Jobs with one ordering key, with these ids, in send order. */
const inOrder = (...ids: readonly string[]) => ids.map((id) => ({ id, orderingKey: "k" }));
const completion = ({ id, epoch, token }: Lease): AttemptOutcome => ({ id, epoch, token, type: "complete" });

export const runCases = section("runs of an ordering key", [
  rule("a claim may include the next jobs of a key, up to `run`", async (on) => {
    await on.sendBatch(...inOrder("a", "b", "c", "d"));
    const run = await on.takeRun(["a", "b", "c"]);
    assert.deepEqual(
      run.map(({ follows }) => follows),
      [undefined, "a", "b"],
    );
    assert.deepEqual(await on.claimIds(), []);
  }),

  rule("the first job of a run is active; the others are blocked, with their next epoch", async (on) => {
    await on.sendBatch(...inOrder("a", "b"));
    const [a, b] = await on.takeRun(["a", "b"]);
    await on.expect({ a: "active", b: "blocked" });
    assert.deepEqual([a?.epoch, b?.epoch, (await on.job("b")).epoch], [1, 1, 1]);
    assert.equal((await on.edges("b")).behind, "a");
  }),

  rule("a reserved job's attempt isn't counted before it starts", async (on) => {
    await on.sendBatch(...inOrder("a", "b"));
    const [a, b] = await on.takeRun(["a", "b"]);
    assert.equal(b?.attempt, 1);
    const { attempt, startedAt } = await on.job("b");
    assert.deepEqual([attempt, startedAt], [0, undefined]);
    await on.complete(a!);
    const begun = await on.job("b");
    assert.equal(begun.attempt, 1);
    assert.equal(begun.startedAt, (await on.job("a")).finishedAt);
  }),

  rule("reserved jobs count towards `limit`", async (on) => {
    await on.sendBatch(...inOrder("a", "b", "c", "d"), { id: "e" });
    const { jobs } = await on.engine.core.claim({ queues: ["jobs"], limit: 3, lease: LEASE, run: 10 });
    assert.deepEqual(
      jobs.map(({ id }) => id),
      ["a", "b", "c"],
    );
    assert.deepEqual(await on.claimIds(), ["e"]);
  }),

  rule("each key has its own run, and jobs without a key have none", async (on) => {
    const other = { id: "x", orderingKey: "other" };
    await on.sendBatch(...inOrder("a"), { id: "e" }, other, ...inOrder("b"), { ...other, id: "y" });
    const jobs = await on.takeRun(["a", "b", "e", "x", "y"], LEASE, 2);
    assert.deepEqual(
      jobs.map(({ follows }) => follows),
      [undefined, "a", undefined, undefined, "x"],
    );
  }),

  rule("a run ends before a job that waits for a dependency", async (on) => {
    await on.send({ id: "dependency", queue: "elsewhere" });
    const waiting = { id: "b", orderingKey: "k", dependsOn: ["dependency"] };
    await on.sendBatch(...inOrder("a"), waiting, ...inOrder("c"));
    await on.takeRun(["a"], LEASE, 10);
  }),

  rule("a run ends before a job that isn't due", async (on) => {
    await on.sendBatch(...inOrder("a", "b"), { id: "c", orderingKey: "k", delay: LATER }, ...inOrder("d"));
    await on.takeRun(["a", "b"], LEASE, 10);
  }),

  rule("a run skips the gap that a cancelled job leaves", async (on) => {
    await on.sendBatch(...inOrder("a", "b", "c"));
    await on.cancel("b");
    const [, c] = await on.takeRun(["a", "c"]);
    assert.equal(c?.follows, "a");
  }),

  rule("a job ahead of the head, retried by an operator, is next in its run", async (on) => {
    await on.sendEach(...inOrder("a", "b", "c"));
    await on.fail(await on.take("a"));
    await on.retry("a");
    const run = await on.takeRun(["b", "a", "c"]);
    assert.deepEqual(await on.settle(...run.map(completion)), ["accepted", "accepted", "accepted"]);
  }),

  rule("a run is settled in one call, in order, with events for each job", async (on) => {
    await on.sendBatch(...inOrder("a", "b", "c", "d"));
    const run = await on.takeRun(["a", "b", "c"]);
    const { events, until } = await on.listen();
    assert.deepEqual(await on.settle(...run.map(completion)), ["accepted", "accepted", "accepted"]);
    await on.expect({ a: "completed", b: "completed", c: "completed", d: "queued" });
    await until((seen) => seen.some(({ id }) => id === "d"));
    assert.deepEqual(
      events.map(({ type, id, epoch }) => `${id} ${type} ${epoch}`),
      ["a completed 1", "b active 1", "b completed 1", "c active 1", "c completed 1", "d queued 0"],
    );
  }),

  rule("a job whose turn hasn't come can't be settled: its outcome is stale", async (on) => {
    await on.sendBatch(...inOrder("a", "b"));
    const [a, b] = await on.takeRun(["a", "b"]);
    assert.deepEqual(await on.settle(completion(b!), completion(a!)), ["stale", "accepted"]);
    await on.expect({ a: "completed", b: "active" });
    await on.complete(b!);
  }),

  rule("a reserved job starts when the one ahead fails or is cancelled by its worker", async (on) => {
    await on.sendBatch(...inOrder("a", "b", "c"));
    const [a, b, c] = await on.takeRun(["a", "b", "c"]);
    await on.fail(a!);
    await on.expect({ a: "failed", b: "active", c: "blocked" });
    await on.cancelAttempt(b!);
    await on.expect({ b: "cancelled", c: "active" });
    await on.complete(c!);
  }),

  rule("a reserved job that starts counts as claimed at once in the waiting metrics", async (on) => {
    await on.sendBatch(...inOrder("a", "b"));
    const run = await on.takeRun(["a", "b"]);
    await on.settle(...run.map(completion));
    const buckets = await on.engine.queues.metrics({ since: 0 });
    const total = (name: "waiting" | "running") =>
      buckets.flatMap((bucket) => bucket[name]).reduce((sum, count) => sum + count, 0);
    assert.deepEqual([total("waiting"), total("running")], [2, 2]);
  }),

  rule("a heartbeat extends a reserved job's lease and stores its progress", async (on) => {
    await on.sendBatch(...inOrder("a", "b"));
    const run = await on.takeRun(["a", "b"], SHORT_LEASE);
    const leases = run.map(({ id, epoch, token }) => ({ id, epoch, token, progress: `"${id}"` }));
    assert.deepEqual(await on.engine.core.extend({ leases, lease: LEASE }), [
      { status: "held" },
      { status: "held" },
    ]);
    assert.equal((await on.job("b")).progress, '"b"');
    await on.elapse(SHORT_LEASE);
    await on.recover();
    assert.deepEqual(await on.settle(...run.map(completion)), ["accepted", "accepted"]);
  }),

  rule("cancelling a reserved job is up to its worker, and the heartbeat reports it", async (on) => {
    await on.sendBatch(...inOrder("a", "b"));
    const [a, b] = await on.takeRun(["a", "b"]);
    assert.deepEqual(await on.engine.operate.cancel([{ id: "b" }], "stop"), ["cancelling"]);
    await on.expect({ b: "blocked" });
    assert.equal((await on.job("b")).cancelRequested, true);
    assert.equal(await on.beat(b!), "cancelling");
    await on.complete(a!);
    await on.cancelAttempt(b!);
    await on.expect({ b: "cancelled" });
  }),

  rule("a reserved job can't be removed", async (on) => {
    await on.sendBatch(...inOrder("a", "b"));
    await on.takeRun(["a", "b"]);
    assert.deepEqual(await on.engine.operate.remove([{ id: "b" }]), ["active"]);
    await on.expect({ b: "blocked" });
  }),

  rule("a run continues when its queue is paused, because it was claimed before", async (on) => {
    await on.sendBatch(...inOrder("a", "b", "c"));
    const run = await on.takeRun(["a", "b"]);
    await on.engine.queues.pause("jobs");
    assert.deepEqual(await on.settle(...run.map(completion)), ["accepted", "accepted"]);
    await on.expect({ c: "queued" });
    assert.deepEqual(await on.claimIds(), []);
  }),

  rule("a job retried by an operator comes after the reserved jobs", async (on) => {
    await on.sendEach(...inOrder("a", "b", "c", "d"));
    await on.fail(await on.take("a"));
    const run = await on.takeRun(["b", "c"]);
    await on.retry("a");
    await on.expect({ a: "blocked", b: "active", c: "blocked" });
    assert.deepEqual(await on.settle(...run.map(completion)), ["accepted", "accepted"]);
    await on.expect({ a: "queued", d: "blocked" });
    assert.deepEqual(await on.runAll(), ["a", "d"]);
  }),
]);
