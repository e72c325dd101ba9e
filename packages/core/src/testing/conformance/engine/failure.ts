import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { errorText } from "../new-error.ts";
import { SOON } from "../timing.ts";

export const failureCases = section("failure", [
  rule("a failed attempt with a retry and no pause is queued at its old place", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b" });
    await on.retryAttempt(await on.take("a"));
    await on.expect({ a: "queued" });
    assert.deepEqual(await on.claimIds(), ["a", "b"]);
  }),

  rule("a retry waits for its pause", async (on) => {
    await on.send({ id: "a" });
    await on.retryAttempt(await on.take("a"), SOON);
    await on.expect({ a: "scheduled" });
    assert.deepEqual(await on.claimIds(), []);
    await on.elapse(SOON);
    await on.run("a");
  }),

  rule("other jobs run while one waits for its next attempt", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b" }, { id: "c" });
    await on.retryAttempt(await on.take("a"), SOON);
    assert.deepEqual(await on.runAll(), ["b", "c"]);
    await on.elapse(SOON);
    assert.deepEqual(await on.runAll(), ["a"]);
  }),

  rule("each failed attempt is counted", async (on) => {
    await on.send({ id: "a", maxAttempts: 3 });
    for (let attempt = 1; attempt <= 3; attempt++) {
      const lease = await on.take("a");
      assert.equal(lease.attempt, attempt);
      assert.equal((await on.job("a")).attempt, attempt);
      if (attempt < 3) await on.retryAttempt(lease);
      else await on.fail(lease);
    }
    await on.expect({ a: "failed" });
  }),

  rule("a failed job keeps its error and its payload", async (on) => {
    await on.send({ id: "a", data: '{"bad":true}' });
    const error = errorText("INVALID_DATA", "planId: expected a uuid");
    await on.fail(await on.take("a"), error);
    const record = await on.job("a");
    assert.equal(record.error, error);
    assert.equal(record.envelope.data, '{"bad":true}');
  }),

  rule("a job between two attempts shows the latest error", async (on) => {
    await on.send({ id: "a" });
    await on.retryAttempt(await on.take("a"), 0, errorText("ONE"));
    assert.equal(await on.errorCode("a"), "ONE");
    await on.retryAttempt(await on.take("a"), 0, errorText("TWO"));
    assert.equal(await on.errorCode("a"), "TWO");
  }),

  rule("a job keeps its ten latest failed attempts, oldest first", async (on) => {
    await on.send({ id: "a", maxAttempts: 100 });
    for (let attempt = 1; attempt <= 13; attempt++) {
      await on.retryAttempt(await on.take("a"), 0, errorText(`E${attempt}`));
    }
    const { failures } = await on.job("a");
    assert.deepEqual(
      failures.map(({ error }) => JSON.parse(error).code),
      Array.from({ length: 10 }, (_, index) => `E${index + 4}`),
    );
    assert.deepEqual(
      failures.map(({ epoch }) => epoch),
      Array.from({ length: 10 }, (_, index) => index + 4),
    );
    for (const { startedAt, at } of failures) assert(startedAt <= at);
  }),

  rule("a failed attempt frees its lease at once", async (on) => {
    await on.send({ id: "a" });
    const lease = await on.take("a");
    await on.fail(lease);
    assert.equal(await on.beat(lease), "lost");
  }),

  rule("an operator's retry resets the attempts and keeps the history", async (on) => {
    await on.send({ id: "a", maxAttempts: 2 });
    await on.retryAttempt(await on.take("a"), 0, errorText("ONE"));
    await on.release(await on.take("a"), 0, true);
    const last = await on.take("a");
    await on.fail(last, errorText("TWO"));
    await on.retry("a");
    const lease = await on.take("a");
    assert.deepEqual(
      { attempt: lease.attempt, stalls: lease.stalls, bounces: lease.bounces },
      { attempt: 1, stalls: 0, bounces: 0 },
    );
    assert(lease.epoch > last.epoch);
    const codes = (await on.job("a")).failures.map(({ error }) => JSON.parse(error).code);
    assert(codes.includes("ONE"), "the first attempt's failure is kept");
  }),

  rule("an operator's retry of a job that isn't failed or cancelled is refused", async (on) => {
    await on.sendEach({ id: "active" }, { id: "queued" });
    await on.take("active");
    assert.deepEqual(await on.engine.operate.retry([{ id: "queued" }, { id: "active" }, { id: "nowhere" }]), [
      "not-failed",
      "not-failed",
      "unknown",
    ]);
  }),

  rule("an operator's retry keeps the job's place in send order", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b" });
    await on.fail(await on.take("a"));
    await on.retry("a");
    assert.deepEqual(await on.claimIds(), ["a", "b"]);
  }),
]);
