import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { errorText } from "../new-error.ts";
import { LATER, SHORT_LEASE } from "../timing.ts";

export const cancelCases = section("cancel", [
  rule("a queued job is cancelled at once", async (on) => {
    await on.send({ id: "a" });
    await on.cancel("a");
    await on.expect({ a: "cancelled" });
    assert.deepEqual(await on.claimIds(), []);
  }),

  rule("a scheduled job is cancelled at once", async (on) => {
    await on.send({ id: "a", delay: LATER });
    await on.cancel("a");
    await on.expect({ a: "cancelled" });
    assert.deepEqual(await on.engine.operate.promote([{ id: "a" }]), ["not-scheduled"]);
  }),

  rule("a blocked job is cancelled at once, and is no longer a dependent", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] });
    await on.cancel("b");
    await on.run("a");
    await on.expect({ b: "cancelled" });
    assert.deepEqual(await on.waitingFor("a"), []);
  }),

  rule("a job between two attempts is cancelled at once", async (on) => {
    await on.send({ id: "a" });
    await on.retryAttempt(await on.take("a"), LATER);
    await on.cancel("a");
    await on.expect({ a: "cancelled" });
  }),

  rule("a cancelled job has the error JOB_CANCELLED with the reason", async (on) => {
    await on.send({ id: "a" });
    await on.cancel("a", "the client left");
    const error = JSON.parse((await on.job("a")).error!);
    assert.equal(error.code, "JOB_CANCELLED");
    assert.match(error.message, /the client left/);
  }),

  rule("the next heartbeat of an active job reports the cancel request", async (on) => {
    await on.send({ id: "a" });
    const lease = await on.take("a");
    assert.equal((await on.job("a")).cancelRequested, false);
    assert.deepEqual(await on.engine.operate.cancel([{ id: "a" }], "stop"), ["cancelling"]);
    await on.expect({ a: "active" });
    assert.equal((await on.job("a")).cancelRequested, true);
    assert.equal(await on.beat(lease), "cancelling");
    assert.equal(await on.beat(lease), "cancelling");
  }),

  rule("a job that another process runs can be cancelled too", async (on) => {
    await on.send({ id: "a" });
    const lease = await on.take("a");
    const peer = await on.peer();
    assert.deepEqual(await peer.operate.cancel([{ id: "a" }], "stop"), ["cancelling"]);
    assert.equal(await on.beat(lease), "cancelling");
  }),

  rule("an active job that stops is cancelled", async (on) => {
    await on.send({ id: "a" });
    const { id, epoch, token } = await on.take("a");
    await on.engine.operate.cancel([{ id: "a" }], "stop");
    const error = errorText("JOB_CANCELLED", "stop");
    assert.deepEqual(await on.settle({ id, epoch, token, type: "cancel", error }), ["accepted"]);
    await on.expect({ a: "cancelled" });
    assert.equal((await on.job("a")).error, error);
  }),

  rule("an active job that returns normally is completed despite a cancel request", async (on) => {
    await on.send({ id: "a" });
    const lease = await on.take("a");
    await on.engine.operate.cancel([{ id: "a" }], "stop");
    await on.complete(lease, "1");
    await on.expect({ a: "completed" });
  }),

  rule("an active job that fails with attempts left is cancelled instead", async (on) => {
    await on.send({ id: "a" });
    const lease = await on.take("a");
    await on.engine.operate.cancel([{ id: "a" }], "stop");
    await on.retryAttempt(lease);
    await on.expect({ a: "cancelled" });
  }),

  rule("an active job whose last attempt fails is cancelled instead", async (on) => {
    await on.send({ id: "a" });
    const lease = await on.take("a");
    await on.engine.operate.cancel([{ id: "a" }], "stop");
    await on.settle({ ...lease, type: "fail", error: errorText("HANDLER_FAILED") });
    await on.expect({ a: "cancelled" });
  }),

  rule("an active job that is released is cancelled instead", async (on) => {
    await on.send({ id: "a" });
    const lease = await on.take("a");
    await on.engine.operate.cancel([{ id: "a" }], "stop");
    await on.release(lease);
    await on.expect({ a: "cancelled" });
    assert.equal(await on.errorCode("a"), "JOB_CANCELLED");
  }),

  rule("a job with a cancel request whose lease expires is cancelled, not run again", async (on) => {
    await on.send({ id: "a" });
    await on.take("a", undefined, SHORT_LEASE);
    await on.engine.operate.cancel([{ id: "a" }], "stop");
    await on.elapse(SHORT_LEASE);
    await on.recover();
    await on.expect({ a: "cancelled" });
    assert.equal(await on.errorCode("a"), "JOB_CANCELLED");
  }),

  rule("a second cancel of an active job returns the same", async (on) => {
    await on.send({ id: "a" });
    await on.take("a");
    await on.engine.operate.cancel([{ id: "a" }], "stop");
    assert.deepEqual(await on.engine.operate.cancel([{ id: "a" }], "stop"), ["cancelling"]);
  }),

  rule("a finished job can't be cancelled, and an unknown id is reported", async (on) => {
    await on.sendEnded("completed", { id: "done" });
    await on.sendEnded("cancelled", { id: "gone" });
    await on.send({ id: "waiting" });
    assert.deepEqual(
      await on.engine.operate.cancel(
        [{ id: "done" }, { id: "nowhere" }, { id: "waiting" }, { id: "gone" }],
        "stop",
      ),
      ["finished", "unknown", "cancelled", "finished"],
    );
    await on.expect({ done: "completed" });
  }),

  rule("a retry of a cancelled job clears its cancel request", async (on) => {
    await on.send({ id: "a" });
    const { id, epoch, token } = await on.take("a");
    await on.engine.operate.cancel([{ id: "a" }], "stop");
    await on.settle({ id, epoch, token, type: "cancel", error: errorText("JOB_CANCELLED") });
    await on.retry("a");
    const lease = await on.take("a");
    assert.equal(await on.beat(lease), "held");
    assert.equal((await on.job("a")).cancelRequested, false);
  }),
]);
