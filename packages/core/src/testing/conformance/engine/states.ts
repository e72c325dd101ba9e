import assert from "node:assert/strict";
import { canTransition, type JobState } from "../../../engine/state-machine.ts";
import { rule, section } from "../case.ts";
import { errorText } from "../new-error.ts";
import { LATER } from "../timing.ts";

export const stateCases = section("states", [
  rule("a job with nothing to wait for is queued when sent", async (on) => {
    await on.send({ id: "a" });
    await on.expect({ a: "queued" });
  }),

  rule("a job with a delay is scheduled when sent", async (on) => {
    await on.send({ id: "a", delay: LATER });
    await on.expect({ a: "scheduled" });
  }),

  rule("a job with a pending dependency is blocked when sent", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] });
    await on.expect({ b: "blocked" });
  }),

  rule("a job behind another of its ordering key is blocked when sent", async (on) => {
    await on.sendEach({ id: "a", orderingKey: "k" }, { id: "b", orderingKey: "k" });
    await on.expect({ a: "queued", b: "blocked" });
  }),

  rule("a claimed job is active", async (on) => {
    await on.send({ id: "a" });
    await on.take("a");
    await on.expect({ a: "active" });
  }),

  rule("an active job can end as completed", async (on) => {
    await on.send({ id: "a" });
    await on.complete(await on.take("a"));
    await on.expect({ a: "completed" });
  }),

  rule("an active job can end as failed", async (on) => {
    await on.send({ id: "a" });
    await on.fail(await on.take("a"));
    await on.expect({ a: "failed" });
  }),

  rule("an active job can end as cancelled by its attempt", async (on) => {
    await on.send({ id: "a" });
    await on.cancelAttempt(await on.take("a"));
    await on.expect({ a: "cancelled" });
  }),

  rule("a terminal state isn't changed by a worker, time, cancel or promote", async (on) => {
    for (const state of ["completed", "failed", "cancelled"] as const) {
      const id = state;
      const lease = await on.endNext(state, await on.send({ id }));
      const error = errorText("LATE");
      assert.deepEqual(
        await on.settle(
          { ...lease, type: "complete" },
          { ...lease, type: "fail", error },
          { ...lease, type: "retry", error, delay: 0 },
          { ...lease, type: "cancel", error },
        ),
        ["stale", "stale", "stale", "stale"],
      );
      assert.equal(await on.beat(lease), "lost");
      await on.release(lease);
      await on.recover();
      assert.deepEqual(await on.engine.operate.cancel([{ id }], "too late"), ["finished"]);
      assert.deepEqual(await on.engine.operate.promote([{ id }]), ["not-scheduled"]);
      await on.expect({ [id]: state });
    }
  }),

  rule("an operator's retry reopens a failed job, and the next claim opens a new epoch", async (on) => {
    await on.send({ id: "a" });
    const first = await on.take("a");
    await on.fail(first);
    await on.retry("a");
    await on.expect({ a: "queued" });
    const second = await on.take("a");
    assert(second.epoch > first.epoch, `epoch ${second.epoch} follows ${first.epoch}`);
    assert.deepEqual(await on.settle({ ...first, type: "complete" }), ["stale"]);
    await on.complete(second);
    await on.expect({ a: "completed" });
  }),

  rule("an operator's retry reopens a cancelled job", async (on) => {
    await on.sendEnded("cancelled", { id: "a" });
    await on.retry("a");
    await on.expect({ a: "queued" });
    await on.run("a");
  }),

  rule("a completed job can't be reopened", async (on) => {
    await on.sendEnded("completed", { id: "a" });
    assert.deepEqual(await on.engine.operate.retry([{ id: "a" }]), ["not-failed"]);
    await on.expect({ a: "completed" });
    assert.deepEqual(await on.claimIds(), []);
  }),

  rule("every transition emits an event, and is in the table", async (on) => {
    const { events, until } = await on.listen();
    await on.send({ id: "a" });
    await on.retryAttempt(await on.take("a"));
    await on.release(await on.take("a"));
    await on.fail(await on.take("a"));
    await on.retry("a");
    await on.run("a");
    await until((seen) => seen.at(-1)?.type === "completed");
    const path = events.map(({ type }) => type as JobState);
    assert.deepEqual(path, [
      "queued",
      "active",
      "queued",
      "active",
      "queued",
      "active",
      "failed",
      "queued",
      "active",
      "completed",
    ]);
    for (const [index, to] of path.entries()) {
      const from = path[index - 1] ?? null;
      assert(canTransition(from, to), `${from} → ${to}`);
    }
  }),

  rule("blocking, scheduling, releasing and cancelling emit events too", async (on) => {
    const { events, until } = await on.listen();
    await on.send({ id: "a", delay: LATER });
    await on.sendEach({ id: "b", dependsOn: ["a"], delay: LATER }, { id: "c", dependsOn: ["b"] });
    await on.engine.operate.promote([{ id: "a" }]);
    await on.run("a");
    await on.cancel("b");
    await until((seen) => seen.some(({ id, type }) => id === "c" && type === "cancelled"));
    assert.deepEqual(
      events.map(({ id, type }) => `${id} ${type}`),
      [
        "a scheduled",
        "b blocked",
        "c blocked",
        "a queued",
        "a active",
        "a completed",
        "b scheduled",
        "b cancelled",
        "c cancelled",
      ],
    );
  }),

  rule("a job's record has the times of its creation, start and end", async (on) => {
    await on.send({ id: "a" });
    const sent = await on.job("a");
    assert.equal(sent.startedAt, undefined);
    assert.equal(sent.finishedAt, undefined);
    await on.elapse(10);
    const lease = await on.take("a");
    await on.elapse(10);
    await on.complete(lease);
    const { createdAt, startedAt, finishedAt } = await on.job("a");
    assert.equal(createdAt, sent.createdAt);
    assert(startedAt! > createdAt, "it started after it was created");
    assert(finishedAt! > startedAt!, "it ended after it started");
  }),
]);
