import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { QUEUE } from "../new-job.ts";
import { LATER, SOON } from "../timing.ts";

export const timeCases = section("time", [
  rule("a delayed job isn't claimed before it is due", async (on) => {
    await on.send({ id: "a", delay: LATER });
    assert.deepEqual(await on.claimIds(), []);
    await on.recover();
    await on.expect({ a: "scheduled" });
  }),

  rule("a claim returns due jobs without maintenance", async (on) => {
    await on.send({ id: "a", delay: SOON });
    await on.elapse(SOON);
    assert.deepEqual(await on.claimIds(), ["a"]);
  }),

  rule("jobs that fall due at one instant are claimed in send order, however many", async (on) => {
    const sent = Array.from({ length: 1_500 }, (_, index) => `n${9_999 - index}`);
    await on.sendBatch(...sent.map((id) => ({ id, delay: SOON })));
    await on.elapse(SOON);
    assert.deepEqual(await on.claimIds(1_000), sent.slice(0, 1_000));
    assert.deepEqual(await on.claimIds(1_000), sent.slice(1_000));
  }),

  rule("settling with a claim returns due jobs too", async (on) => {
    await on.send({ id: "a", delay: SOON });
    await on.elapse(SOON);
    const claim = { queues: [QUEUE], limit: 1, lease: LATER };
    const { claimed } = await on.engine.core.settle({ outcomes: [], claim });
    assert.deepEqual(
      claimed.map(({ id }) => id),
      ["a"],
    );
  }),

  rule("maintenance queues due jobs, and returns how many", async (on) => {
    await on.sendBatch({ id: "a", delay: SOON }, { id: "b", delay: SOON }, { id: "c", delay: LATER });
    await on.elapse(SOON);
    assert.equal((await on.recover()).promoted, 2);
    await on.expect({ a: "queued", b: "queued", c: "scheduled" });
  }),

  rule("a scheduled job's record has its due time", async (on) => {
    await on.send({ id: "a", delay: LATER });
    const { createdAt, runAt } = await on.job("a");
    assert.equal(runAt, createdAt + LATER);
  }),

  rule("an operator can make a scheduled job due now", async (on) => {
    await on.send({ id: "a", delay: LATER });
    assert.deepEqual(await on.engine.operate.promote([{ id: "a" }]), ["promoted"]);
    await on.expect({ a: "queued" });
    await on.run("a");
  }),

  rule("an operator can cut short the pause before a retry", async (on) => {
    await on.send({ id: "a" });
    await on.retryAttempt(await on.take("a"), LATER);
    assert.deepEqual(await on.engine.operate.promote([{ id: "a" }]), ["promoted"]);
    await on.run("a");
  }),

  rule("only scheduled jobs can be promoted", async (on) => {
    await on.sendEach({ id: "active" }, { id: "queued" });
    await on.take("active");
    assert.deepEqual(
      await on.engine.operate.promote([{ id: "queued" }, { id: "nowhere" }, { id: "active" }]),
      ["not-scheduled", "unknown", "not-scheduled"],
    );
  }),

  rule("the engine's clock counts, never a sender's", async (on) => {
    await on.sendEach(
      { id: "future", envelope: { timestamp: "2999-01-01T00:00:00.000Z" } },
      { id: "past", envelope: { timestamp: "1999-01-01T00:00:00.000Z" } },
    );
    const [future, past] = await on.engine.inspect.get([{ id: "future" }, { id: "past" }]);
    assert(past!.createdAt >= future!.createdAt);
    assert(past!.createdAt - future!.createdAt < 10_000);
    assert.deepEqual(await on.claimIds(), ["future", "past"]);
  }),
]);

export const waitingCases = section("waiting for work", [
  rule("waiting ends when a job is sent", async (on) => {
    const waited = on.engine.core.waitForWork({
      queues: ["other", QUEUE],
      timeout: LATER,
      signal: new AbortController().signal,
    });
    await on.send({ id: "a" });
    await waited;
    await on.run("a");
  }),

  rule("waiting ends when a dependency releases a job", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] });
    const lease = await on.take("a");
    const waited = on.engine.core.waitForWork({
      queues: [QUEUE],
      timeout: LATER,
      signal: new AbortController().signal,
    });
    await on.complete(lease);
    await waited;
    await on.run("b");
  }),

  rule("waiting ends at once when there is work already", async (on) => {
    await on.send({ id: "a" });
    await on.engine.core.waitForWork({
      queues: [QUEUE],
      timeout: LATER,
      signal: new AbortController().signal,
    });
    await on.run("a");
  }),

  rule("waiting ends when a scheduled job falls due", async (on) => {
    await on.send({ id: "a", delay: SOON });
    const signal = new AbortController().signal;
    const waited = on.engine.core.waitForWork({ queues: [QUEUE], timeout: LATER, signal });
    await on.elapse(SOON);
    await waited;
    await on.run("a");
  }),

  rule("waiting ends when a retry of an attempt that failed meanwhile falls due", async (on) => {
    await on.send({ id: "a" });
    const lease = await on.take("a");
    const signal = new AbortController().signal;
    const first = on.engine.core.waitForWork({ queues: [QUEUE], timeout: SOON, signal });
    await on.elapse(SOON);
    await first;
    const waited = on.engine.core.waitForWork({ queues: [QUEUE], timeout: LATER, signal });
    // Once this call resolves, the wait has started.
    await on.engine.queues.pause("other");
    await on.retryAttempt(lease, SOON);
    await on.elapse(SOON);
    await waited;
    await on.run("a");
  }),

  rule("waiting ends when a paused queue with work is resumed", async (on) => {
    await on.engine.queues.pause(QUEUE);
    await on.send({ id: "a" });
    const signal = new AbortController().signal;
    const waited = on.engine.core.waitForWork({ queues: [QUEUE], timeout: LATER, signal });
    await on.engine.queues.resume(QUEUE);
    await waited;
    await on.run("a");
  }),

  rule("waiting ends after its timeout", async (on) => {
    const signal = new AbortController().signal;
    const waited = on.engine.core.waitForWork({ queues: [QUEUE], timeout: SOON, signal });
    await on.elapse(SOON);
    await waited;
  }),

  rule("waiting ends without an error when its signal aborts", async (on) => {
    const controller = new AbortController();
    const waited = on.engine.core.waitForWork({
      queues: [QUEUE],
      timeout: LATER,
      signal: controller.signal,
    });
    controller.abort(new Error("stop"));
    await waited;
    await on.engine.core.waitForWork({ queues: [QUEUE], timeout: LATER, signal: controller.signal });
  }),

  rule("waiting ends when the engine closes", async (on) => {
    const signal = new AbortController().signal;
    const waited = on.engine.core.waitForWork({ queues: [QUEUE], timeout: LATER, signal });
    await on.engine.core.close();
    await waited;
  }),
]);
