import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { QUEUE } from "../new-job.ts";
import { LATER, LEASE } from "../timing.ts";

export const pauseCases = section("pause", [
  rule("a paused queue accepts jobs, and claims return none", async (on) => {
    await on.engine.queues.pause(QUEUE);
    await on.send({ id: "a" });
    assert.deepEqual(await on.claimIds(), []);
    await on.engine.queues.resume(QUEUE);
    assert.deepEqual(await on.claimIds(), ["a"]);
  }),

  rule("a queue can be paused before it has jobs, and counts show it", async (on) => {
    await on.engine.queues.pause(QUEUE);
    assert.equal((await on.counts()).paused, true);
    await on.engine.queues.resume(QUEUE);
    assert.equal((await on.counts()).paused, false);
  }),

  rule("pausing twice and resuming once resumes", async (on) => {
    await on.send({ id: "a" });
    await on.engine.queues.pause(QUEUE);
    await on.engine.queues.pause(QUEUE);
    await on.engine.queues.resume(QUEUE);
    assert.deepEqual(await on.claimIds(), ["a"]);
  }),

  rule("pausing doesn't affect active jobs", async (on) => {
    await on.send({ id: "a" });
    const lease = await on.take("a");
    await on.engine.queues.pause(QUEUE);
    assert.equal(await on.beat(lease), "held");
    await on.complete(lease);
  }),

  rule("settling returns which of the queues that it claims from are paused", async (on) => {
    await on.sendEach({ id: "a", queue: "one" }, { id: "b", queue: "two" });
    const settle = async (...queues: readonly string[]) => {
      const { paused, claimed } = await on.engine.core.settle({
        outcomes: [],
        ...(queues.length > 0 && { claim: { queues, limit: 1, lease: LEASE } }),
      });
      return { paused, claimed: claimed.map(({ id }) => id) };
    };
    await on.engine.queues.pause("one");
    await on.engine.queues.pause("three");
    assert.deepEqual(await settle(), { paused: [], claimed: [] });
    assert.deepEqual(await settle("one", "two"), { paused: ["one"], claimed: ["b"] });
    assert.deepEqual(await settle("two", "three", "one"), { paused: ["three", "one"], claimed: [] });
    await on.engine.queues.resume("one");
    assert.deepEqual(await settle("one"), { paused: [], claimed: ["a"] });
  }),

  rule("a paused queue doesn't hold up other queues", async (on) => {
    await on.engine.queues.pause("one");
    await on.sendEach({ id: "a", queue: "one" }, { id: "b", queue: "two" });
    assert.deepEqual(await on.claimIds(10, ["one", "two"]), ["b"]);
  }),

  rule("dependents in a paused queue are released, and stay queued", async (on) => {
    await on.engine.queues.pause("two");
    await on.sendEach({ id: "a", queue: "one" }, { id: "b", queue: "two", dependsOn: ["a"] });
    await on.run("a", "one");
    await on.expect({ b: "queued" });
    assert.deepEqual(await on.claimIds(10, ["two"]), []);
  }),
]);

export const forgetCases = section("forgetting a queue", [
  rule("a queue with jobs isn't forgotten, in whatever state they are", async (on) => {
    await on.send({ id: "a" });
    assert.equal(await on.engine.queues.forget(QUEUE), false);
    const lease = await on.take("a");
    assert.equal(await on.engine.queues.forget(QUEUE), false);
    await on.complete(lease);
    assert.equal(await on.engine.queues.forget(QUEUE), false);
    await on.send({ id: "b", delay: LATER });
    await on.remove("a");
    assert.equal(await on.engine.queues.forget(QUEUE), false);
    await on.remove("b");
    assert.equal(await on.engine.queues.forget(QUEUE), true);
  }),

  rule("of a forgotten queue no count, pause or metric is left, and its next job begins anew", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b" }, { id: "c", queue: "other" });
    await on.run("a");
    await on.cancel("b");
    await on.engine.queues.pause(QUEUE);
    for (const id of ["a", "b"]) await on.remove(id);
    assert.equal(await on.engine.queues.forget(QUEUE), true);
    assert.equal(await on.engine.queues.forget(QUEUE), true);
    const queues = (await on.engine.queues.counts()).map(({ queue }) => queue);
    assert.deepEqual(queues, ["other"]);
    const metrics = await on.engine.queues.metrics({ since: 0 });
    assert.deepEqual([...new Set(metrics.map(({ queue }) => queue))], ["other"]);
    await on.send({ id: "d" });
    assert.deepEqual(await on.claimIds(), ["d"]);
    assert.equal((await on.counts()).states.active, 1);
  }),

  rule("who waits for work is woken by the first job after its queue was forgotten", async (on) => {
    await on.send({ id: "a" });
    await on.remove("a");
    const peer = await on.peer();
    const signal = new AbortController().signal;
    const waiting = peer.core.waitForWork({ queues: [QUEUE], timeout: LEASE, signal });
    await peer.core.health();
    assert.equal(await on.engine.queues.forget(QUEUE), true);
    await on.send({ id: "b" });
    await waiting;
    assert.deepEqual(await on.claimIds(), ["b"]);
  }),

  rule("a queue that never had a job can be forgotten", async (on) => {
    await on.engine.queues.pause("empty");
    assert.equal(await on.engine.queues.forget("empty"), true);
    assert.equal(await on.engine.queues.forget("nowhere"), true);
    assert.deepEqual(await on.engine.queues.counts(), []);
  }),
]);

export const operatingCases = section("operating", [
  rule("removing deletes jobs that aren't active", async (on) => {
    await on.send({ id: "active" });
    await on.take("active");
    await on.send({ id: "queued" });
    await on.send({ id: "scheduled", delay: LATER });
    const outcomes = await on.engine.operate.remove([
      { id: "queued" },
      { id: "active" },
      { id: "nowhere" },
      { id: "scheduled" },
    ]);
    assert.deepEqual(outcomes, ["removed", "active", "unknown", "removed"]);
    assert.equal(await on.isStored("queued"), false);
    await on.expect({ active: "active" });
    assert.deepEqual(await on.claimIds(), []);
  }),

  rule("a removed job is unknown from then on", async (on) => {
    await on.sendEnded("failed", { id: "a" });
    await on.remove("a");
    assert.deepEqual(await on.engine.operate.remove([{ id: "a" }]), ["unknown"]);
    assert.deepEqual(await on.engine.operate.retry([{ id: "a" }]), ["unknown"]);
    assert.deepEqual(await on.engine.operate.cancel([{ id: "a" }], "gone"), ["unknown"]);
    assert.deepEqual(await on.engine.operate.promote([{ id: "a" }]), ["unknown"]);
  }),

  rule("a healthy engine reports healthy", async (on) => {
    const { ok, engine, latency } = await on.engine.core.health();
    assert.equal(ok, true);
    assert.equal(engine, on.engine.name);
    assert(latency >= 0);
  }),

  rule("a healthy engine reports plausible memory and a version, where it knows them", async (on) => {
    const { memory, version = "1" } = await on.engine.core.health();
    assert.match(version, /\d/);
    if (!memory) return;
    assert(memory.used > 0);
    assert(memory.max === undefined || memory.max > 0);
  }),

  rule("an engine can be closed twice", async (on) => {
    await on.engine.core.close();
    await on.engine.core.close();
  }),
]);
