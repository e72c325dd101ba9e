import assert from "node:assert/strict";
import { WORKER_LIFETIME } from "../../../engine/engine-limits.ts";
import type { WorkerBeat, WorkerInfo, WorkerRecord } from "../../../engine/workers.ts";
import { rule, section } from "../case.ts";
import { QUEUE } from "../new-job.ts";
import type { Scenario } from "../scenario.ts";
import { LEASE, SOON } from "../timing.ts";

function record(id: string, changes: Partial<WorkerRecord> = {}): WorkerRecord {
  return {
    id,
    name: `worker ${id}`,
    host: "host-1",
    process: 4711,
    version: "1.2.3",
    queues: [QUEUE, "other"],
    handles: [
      { message: "A", version: 1 },
      { message: "B", version: 3 },
    ],
    concurrency: 10,
    uptime: 0,
    ...changes,
  };
}

async function list(on: Scenario): Promise<readonly WorkerInfo[]> {
  const workers = await on.engine.workers.list();
  return workers.toSorted((a, b) => a.id.localeCompare(b.id));
}

async function ids(on: Scenario): Promise<readonly string[]> {
  return (await list(on)).map(({ id }) => id);
}

/** Beats, and answers whether the worker was registered. */
async function beat(on: Scenario, id: string, changes: Partial<WorkerBeat> = {}): Promise<boolean> {
  const { isUnregistered } = await on.engine.core.recover({
    beat: { id, running: 0, attempts: [], ...changes },
  });
  return !isUnregistered;
}

export const workerListCases = section("the list of workers", [
  rule("workers are listed with what they registered, in every process", async (on) => {
    assert.deepEqual(await list(on), []);
    await on.engine.workers.register(record("a"));
    await (await on.peer()).workers.register(record("b", { name: 'Ünïcode "b"\n', queues: ["solo"] }));
    const [a, b] = await list(on);
    const { uptime: _, ...known } = record("a");
    assert.deepEqual(
      { ...a, startedAt: 0, seenAt: 0 },
      { ...known, startedAt: 0, seenAt: 0, running: 0, attempts: [], quiet: false },
    );
    assert.deepEqual([b?.id, b?.name, b?.queues], ["b", 'Ünïcode "b"\n', ["solo"]]);
  }),

  rule("a worker that registers again replaces what was known of it", async (on) => {
    await on.engine.workers.register(record("a"));
    await beat(on, "a", { running: 2 });
    await on.engine.workers.register(record("a", { concurrency: 3, handles: [] }));
    const [a, ...others] = await list(on);
    assert.deepEqual([a?.concurrency, a?.handles, a?.running, others], [3, [], 0, []]);
  }),

  rule("a worker's start and the starts of its attempts are told on the engine's clock", async (on) => {
    await on.engine.workers.register(record("a", { uptime: 5_000 }));
    const [before] = await list(on);
    assert.equal(before!.seenAt - before!.startedAt, 5_000);
    await on.elapse(SOON);
    await beat(on, "a", { running: 1, attempts: [{ id: "job", duration: 100 }] });
    const [after] = await list(on);
    assert.equal(after!.startedAt, before!.startedAt);
    assert(after!.seenAt >= before!.seenAt + SOON, "a beat counts as a sign of life");
    assert.deepEqual(after!.attempts, [{ id: "job", since: after!.seenAt - 100 }]);
  }),

  rule("a worker is gone 30 s after its last beat", async (on) => {
    await on.engine.workers.register(record("a"));
    await on.engine.workers.register(record("b"));
    await on.elapse(WORKER_LIFETIME - 1_000);
    assert.equal(await beat(on, "a"), true);
    assert.deepEqual(await ids(on), ["a", "b"]);
    await on.elapse(1_000);
    assert.deepEqual(await ids(on), ["a"]);
    await on.elapse(WORKER_LIFETIME - 2_000);
    assert.deepEqual(await ids(on), ["a"]);
    await on.elapse(1_000);
    assert.deepEqual(await ids(on), []);
  }),

  rule("a beat of a worker that isn't known, or no longer, says so, and changes nothing", async (on) => {
    assert.equal(await beat(on, "a"), false);
    assert.deepEqual(await ids(on), []);
    await on.engine.workers.register(record("a"));
    assert.equal(await beat(on, "a"), true);
    await on.elapse(WORKER_LIFETIME);
    assert.equal(await beat(on, "a"), false);
    assert.deepEqual(await ids(on), []);
    await on.engine.workers.register(record("a"));
    assert.equal(await beat(on, "a"), true);
    assert.deepEqual(await ids(on), ["a"]);
  }),

  rule("a worker that is unregistered is gone at once, and its beats don't bring it back", async (on) => {
    await on.engine.workers.register(record("a"));
    await on.engine.workers.register(record("b"));
    await on.engine.workers.unregister("a");
    await on.engine.workers.unregister("a");
    await on.engine.workers.unregister("nobody");
    assert.deepEqual(await ids(on), ["b"]);
    assert.equal(await beat(on, "a"), false);
    assert.deepEqual(await ids(on), ["b"]);
  }),

  rule("a beat tells exactly how many handlers run, and a hundred of them", async (on) => {
    await on.engine.workers.register(record("a"));
    const attempts = Array.from({ length: 150 }, (_, index) => ({
      id: `job-${index}`,
      duration: 150 - index,
    }));
    await beat(on, "a", { running: 1_234, attempts });
    const [full] = await list(on);
    assert.equal(full!.running, 1_234);
    assert.deepEqual(
      full!.attempts.map(({ id }) => id),
      attempts.slice(0, 100).map(({ id }) => id),
    );
    await beat(on, "a", { running: 1, attempts: [{ id: "last", duration: 0 }] });
    const [rest] = await list(on);
    assert.deepEqual([rest!.running, rest!.attempts.map(({ id }) => id)], [1, ["last"]]);
  }),

  rule("a beat tells whether the worker is quiet, with or without jobs", async (on) => {
    await on.engine.workers.register(record("a"));
    const attempts = [{ id: "job", duration: 0 }];
    for (const change of [{ running: 1, attempts }, {}]) {
      for (const quiet of [true, false]) {
        await beat(on, "a", { ...change, quiet });
        const [worker] = await list(on);
        assert.deepEqual([worker!.quiet, worker!.attempts.length], [quiet, change.running ?? 0]);
      }
    }
    await beat(on, "a", { quiet: true });
    await beat(on, "a");
    assert.equal((await list(on))[0]!.quiet, false);
  }),

  rule("maintenance without a beat does the same, and keeps no worker", async (on) => {
    await on.engine.workers.register(record("a"));
    const report = await on.engine.core.recover();
    assert.equal(report.isUnregistered, undefined);
    await on.elapse(WORKER_LIFETIME);
    await on.engine.core.recover();
    assert.deepEqual(await ids(on), []);
  }),
]);

/** Messages with queued jobs, as "message@version". */
async function waiting(on: Scenario, queues: readonly string[] = [QUEUE]): Promise<readonly string[]> {
  const found = await on.engine.workers.waiting(queues);
  return found.map(({ message, version }) => `${message}@${version}`).sort();
}

export const waitingMessageCases = section("messages that wait", [
  rule("the message of the job that is next in line waits, until the job is claimed", async (on) => {
    assert.deepEqual(await waiting(on), []);
    await on.send({ id: "a", messageType: "A", envelope: { version: 2 } });
    assert.deepEqual(await waiting(on), ["A@2"]);
    assert.deepEqual(await waiting(on, ["other"]), []);
    await on.take("a");
    assert.deepEqual(await waiting(on), []);
  }),

  rule("messages that claims pass over wait, each version by itself", async (on) => {
    await on.sendEach(
      { messageType: "A" },
      { messageType: "B" },
      { messageType: "B", envelope: { version: 2 } },
    );
    const handles = [{ message: "A", version: 1 }];
    await on.engine.core.claim({ queues: [QUEUE], limit: 10, lease: LEASE, handles });
    assert.deepEqual(await waiting(on), ["B@1", "B@2"]);
    assert.deepEqual(await waiting(on, ["other", QUEUE]), ["B@1", "B@2"]);
  }),

  rule("jobs that are cancelled, blocked or scheduled don't make their message wait", async (on) => {
    const handles = [{ message: "A", version: 1 }];
    const [passed, first] = await on.sendEach({ messageType: "B" }, { messageType: "C", dependsOn: [] });
    await on.sendEach({ messageType: "D", dependsOn: [passed!] }, { messageType: "E", delay: 3_600_000 });
    await on.engine.core.claim({ queues: [QUEUE], limit: 10, lease: LEASE, handles });
    assert.deepEqual(await waiting(on), ["B@1", "C@1"]);
    await on.cancel(first!);
    assert.deepEqual(await waiting(on), ["B@1"]);
    const fresh = await on.send({ messageType: "F" });
    await on.cancel(fresh);
    assert.deepEqual(await waiting(on), ["B@1"]);
  }),

  rule("nothing of a paused queue waits for workers", async (on) => {
    await on.send({ messageType: "A" });
    await on.engine.queues.pause(QUEUE);
    assert.deepEqual(await waiting(on), []);
    await on.engine.queues.resume(QUEUE);
    assert.deepEqual(await waiting(on), ["A@1"]);
  }),

  rule("it is told for how long the first in line has been ready", async (on) => {
    await on.send({ messageType: "A", delay: SOON });
    await on.elapse(SOON);
    await on.recover();
    await on.elapse(SOON);
    const [found] = await on.engine.workers.waiting([QUEUE]);
    assert(found!.waited >= SOON, `${found!.waited} ms`);
    assert(found!.waited < 2 * SOON + 1_000, "since it was ready, not since it was sent");
  }),
]);
