import assert from "node:assert/strict";
import type { HandledMessage } from "../../../engine/core.ts";
import type { Engine } from "../../../engine/engine.ts";
import { rule, section } from "../case.ts";
import type { JobSpec } from "../new-job.ts";
import { QUEUE } from "../new-job.ts";
import type { Scenario } from "../scenario.ts";
import { LEASE, SOON } from "../timing.ts";

const A = [{ message: "A", version: 1 }];
const B = [{ message: "B", version: 1 }];
const BOTH = [...A, ...B];

/** Ids of what a claim hands out to a worker that handles these messages. */
async function take(on: Scenario, handles: readonly HandledMessage[], limit = 100, run = 1) {
  const { jobs } = await on.engine.core.claim({ queues: [QUEUE], limit, lease: LEASE, run, handles });
  return jobs;
}

async function idsFor(on: Scenario, handles: readonly HandledMessage[], limit = 100) {
  return (await take(on, handles, limit)).map(({ id }) => id);
}

/** Jobs of the messages that their ids begin with, in turn: "a1", "b1" … */
function mixed(...ids: readonly string[]): readonly JobSpec[] {
  return ids.map((id) => ({ id, messageType: id[0]!.toUpperCase() }));
}

export const selectiveClaimCases = section("claims of what a worker handles", [
  rule("a claim hands out only what its worker handles, in send order", async (on) => {
    await on.sendEach(...mixed("b1", "a1", "b2", "a2", "a3"));
    assert.deepEqual(await idsFor(on, A, 2), ["a1", "a2"]);
    assert.deepEqual(await idsFor(on, B), ["b1", "b2"]);
    assert.deepEqual(await idsFor(on, A), ["a3"]);
    assert.deepEqual(await idsFor(on, BOTH), []);
  }),

  rule("a claim that names nothing gets nothing", async (on) => {
    await on.sendEach(...mixed("a1"));
    assert.deepEqual(await idsFor(on, []), []);
    assert.deepEqual(await on.claimIds(), ["a1"]);
  }),

  rule("names that begin alike are different messages", async (on) => {
    await on.sendEach({ id: "1", messageType: "PLAN" }, { id: "2", messageType: "PLAN_CREATE" });
    await on.sendEach({ id: "3", messageType: "PL.N" }, { id: "4", messageType: "AN" });
    assert.deepEqual(await idsFor(on, [{ message: "PL.N", version: 1 }]), ["3"]);
    assert.deepEqual(await idsFor(on, [{ message: "PLAN", version: 1 }]), ["1"]);
    assert.deepEqual(await idsFor(on, [{ message: "AN", version: 1 }]), ["4"]);
    assert.deepEqual(await idsFor(on, [{ message: "PLAN_CREATE", version: 1 }]), ["2"]);
  }),

  rule("a newer version than its worker knows isn't handed out, an older one is", async (on) => {
    const sent = (id: string, version: number): JobSpec => ({ id, messageType: "A", envelope: { version } });
    await on.sendEach(sent("v3", 3), sent("v1", 1), sent("v2", 2));
    assert.deepEqual(await idsFor(on, [{ message: "A", version: 2 }]), ["v1", "v2"]);
    assert.deepEqual(await idsFor(on, [{ message: "A", version: 10 }]), ["v3"]);
  }),

  rule("what is passed over keeps its place, its epoch and its attempts", async (on) => {
    await on.sendEach(...mixed("b1", "b2"));
    for (let claim = 0; claim < 20; claim++) assert.deepEqual(await idsFor(on, A), []);
    for (const id of ["b1", "b2"]) {
      const { state, epoch, attempt, bounces } = await on.job(id);
      assert.deepEqual(
        { state, epoch, attempt, bounces },
        { state: "queued", epoch: 0, attempt: 0, bounces: 0 },
      );
    }
    assert.deepEqual(await idsFor(on, B), ["b1", "b2"]);
  }),

  rule("priorities hold among what is handled", async (on) => {
    await on.sendEach(...mixed("b1", "a1"), { id: "late", messageType: "A", priority: 5 });
    await on.sendEach({ id: "later", messageType: "B", priority: 5 }, ...mixed("a2", "b2"));
    assert.deepEqual(await idsFor(on, A), ["a1", "a2", "late"]);
    assert.deepEqual(await idsFor(on, B), ["b1", "b2", "later"]);
  }),

  rule("a worker of several messages gets them in one order, whoever passed over them", async (on) => {
    await on.sendEach(...mixed("c1", "b1", "a1"), { id: "late", messageType: "A", priority: 1 });
    assert.deepEqual(await idsFor(on, [{ message: "C", version: 1 }]), ["c1"]);
    await on.sendEach(...mixed("b2", "a2"), { id: "c2", messageType: "C" }, ...mixed("a3", "b3"));
    assert.deepEqual(await idsFor(on, BOTH), ["b1", "a1", "b2", "a2", "a3", "b3", "late"]);
    assert.deepEqual(await on.claimIds(), ["c2"]);
  }),

  rule("a claim of everything gets in one order what others passed over", async (on) => {
    await on.sendEach(...mixed("b1", "a1", "c1", "b2"));
    assert.deepEqual(await idsFor(on, A), ["a1"]);
    await on.sendEach(...mixed("a2", "b3"));
    assert.deepEqual(await on.claimIds(), ["b1", "c1", "b2", "a2", "b3"]);
  }),

  rule("a job that is given back keeps its place among those that were passed over", async (on) => {
    await on.sendEach(...mixed("b1", "b2", "a1"));
    const [first] = await take(on, B, 1);
    assert.deepEqual(await idsFor(on, A), ["a1"]);
    await on.release(first!);
    assert.deepEqual(await idsFor(on, B), ["b1", "b2"]);
  }),

  rule("a retry waits for a worker that handles it", async (on) => {
    await on.sendEach(...mixed("b1"));
    await on.retryAttempt((await take(on, B))[0]!);
    await on.sendEach(...mixed("a1"));
    assert.deepEqual(await idsFor(on, A), ["a1"]);
    assert.deepEqual(await idsFor(on, B), ["b1"]);
  }),

  rule("a job that falls due waits for a worker that handles it", async (on) => {
    await on.send({ id: "b1", messageType: "B", delay: SOON });
    await on.elapse(SOON);
    assert.deepEqual(await idsFor(on, A), []);
    assert.deepEqual(await idsFor(on, B), ["b1"]);
  }),

  rule("a run ends before a job that isn't handled, whose turn passes to another worker", async (on) => {
    await on.sendEach(
      { id: "a1", messageType: "A", orderingKey: "k" },
      { id: "a2", messageType: "A", orderingKey: "k" },
      { id: "b1", messageType: "B", orderingKey: "k" },
      { id: "a3", messageType: "A", orderingKey: "k" },
    );
    const run = await take(on, A, 10, 10);
    assert.deepEqual(
      run.map(({ id }) => id),
      ["a1", "a2"],
    );
    for (const lease of run) await on.complete(lease);
    assert.deepEqual(await take(on, A, 10, 10), []);
    const [turn] = await take(on, B, 10, 10);
    assert.equal(turn?.id, "b1");
    assert.deepEqual(await idsFor(on, A), []);
    await on.complete(turn!);
    assert.deepEqual(await idsFor(on, A), ["a3"]);
  }),

  rule("a dependent runs where it is handled", async (on) => {
    await on.sendEach(...mixed("a1"), { id: "b1", messageType: "B", dependsOn: ["a1"] });
    const [first] = await take(on, BOTH);
    await on.complete(first!);
    assert.deepEqual(await idsFor(on, A), []);
    assert.deepEqual(await idsFor(on, B), ["b1"]);
  }),

  rule("what was passed over is listed, counted, cancelled and removed like any other", async (on) => {
    await on.sendEach(...mixed("b1", "b2", "b3", "b4"));
    await on.send({ id: "b5", messageType: "B", priority: 1 });
    await on.send({ id: "b6", messageType: "B", priority: 1 });
    assert.deepEqual(await idsFor(on, A), []);
    const { jobs } = await on.engine.inspect.list({
      filter: { states: ["queued"] },
      fields: "summary",
      limit: 10,
    });
    assert.deepEqual(
      jobs.map(({ id }) => id),
      ["b6", "b5", "b4", "b3", "b2", "b1"],
    );
    assert.equal((await on.counts()).states.queued, 6);
    assert.deepEqual(await on.engine.operate.cancel([{ id: "b2" }, { id: "b5" }], "no"), [
      "cancelled",
      "cancelled",
    ]);
    assert.deepEqual(await on.engine.operate.remove([{ id: "b3" }]), ["removed"]);
    assert.equal((await on.counts()).states.queued, 3);
    const left = await on.engine.inspect.list({
      filter: { states: ["queued"] },
      fields: "summary",
      limit: 10,
    });
    assert.deepEqual(
      left.jobs.map(({ id }) => id),
      ["b6", "b4", "b1"],
    );
    assert.deepEqual(await idsFor(on, A), []);
    assert.deepEqual(await idsFor(on, B), ["b1", "b4", "b6"]);
    assert.equal((await on.counts()).states.queued, 0);
  }),

  rule("all that was passed over can be cancelled, and what is sent then runs", async (on) => {
    await on.sendEach(...mixed("b1", "b2", "a1"));
    assert.deepEqual(await idsFor(on, A), ["a1"]);
    await on.engine.operate.cancel([{ id: "b1" }, { id: "b2" }], "no");
    await on.sendEach(...mixed("b3"));
    assert.deepEqual(await idsFor(on, B), ["b3"]);
    assert.deepEqual(await on.claimIds(), []);
  }),

  rule("a paused queue hands out nothing, whoever asks", async (on) => {
    await on.sendEach(...mixed("b1", "a1"));
    assert.deepEqual(await idsFor(on, A), ["a1"]);
    await on.engine.queues.pause(QUEUE);
    assert.deepEqual(await idsFor(on, B), []);
    await on.engine.queues.resume(QUEUE);
    assert.deepEqual(await idsFor(on, B), ["b1"]);
  }),

  rule("settling claims only what is handled, too", async (on) => {
    await on.sendEach(...mixed("a1", "b1", "a2"));
    const [first] = await take(on, A, 1);
    const { id, epoch, token } = first!;
    const { claimed } = await on.engine.core.settle({
      outcomes: [{ id, epoch, token, type: "complete" }],
      claim: { queues: [QUEUE], limit: 10, lease: LEASE, handles: A },
    });
    assert.deepEqual(
      claimed.map((job) => job.id),
      ["a2"],
    );
  }),

  rule("thousands that aren't handled hide none that is, in a bounded number of claims", async (on) => {
    const others = Array.from({ length: 6_000 }, (_, index) => ({ id: `b${index}`, messageType: "B" }));
    for (let start = 0; start < others.length; start += 1_000) {
      await on.sendBatch(...others.slice(start, start + 1_000));
    }
    await on.sendEach(...mixed("a1"));
    let claims = 0;
    for (;;) {
      const { jobs, nextIn } = await on.engine.core.claim({
        queues: [QUEUE],
        limit: 10,
        lease: LEASE,
        handles: A,
      });
      if (jobs.length > 0) {
        assert.deepEqual(
          jobs.map(({ id }) => id),
          ["a1"],
        );
        break;
      }
      assert.equal(nextIn, 0, "it asks to be called again");
      assert(++claims < 10, "it gets on");
    }
    assert.deepEqual(await idsFor(on, B, 3), ["b0", "b1", "b2"]);
    assert.equal((await on.counts()).states.queued, 5_997);
  }),

  rule("a claim that gets nothing says when something may change", async (on) => {
    const claim = () => on.engine.core.claim({ queues: [QUEUE], limit: 1, lease: LEASE, handles: A });
    assert.deepEqual(await claim(), { jobs: [] });
    await on.send({ id: "a1", messageType: "A", delay: 60_000 });
    const due = await claim();
    assert(due.nextIn! > 50_000 && due.nextIn! <= 60_000, `due in ${due.nextIn}`);
    await on.send({ id: "a2", messageType: "A" });
    assert.equal((await claim()).jobs.length, 1);
    const held = await claim();
    assert(held.nextIn! > LEASE / 2 && held.nextIn! <= LEASE, `a lease ends in ${held.nextIn}`);
  }),
]);

export const selectiveWaitCases = section("waiting for what a worker handles", [
  rule("waiting goes on while only others have work, and ends for one's own", async (on) => {
    const ended: string[] = [];
    const stop = new AbortController();
    const wait = (name: string, handles: readonly HandledMessage[]) =>
      on.engine.core
        .waitForWork({ queues: [QUEUE], timeout: 60_000, signal: stop.signal, handles })
        .then(() => ended.push(name));
    const workers = [
      { name: "A", handles: A, waiting: wait("A", A) },
      { name: "B", handles: B, waiting: wait("B", B) },
    ];
    await on.elapse(SOON);
    assert.deepEqual(ended, []);
    await on.sendEach(...mixed("b1"));
    // Whoever is woken claims, as a worker does, and waits again when there was nothing for it.
    for (let turn = 0; turn < 10; turn++) {
      await Promise.race(workers.map(({ waiting }) => waiting));
      const name: string = ended.shift()!;
      const worker = workers.find((each) => each.name === name)!;
      const ids = await idsFor(on, worker.handles);
      if (ids.length > 0) {
        assert.deepEqual([name, ids], ["B", ["b1"]]);
        break;
      }
      assert.equal(name, "A");
      assert(turn < 9, "B was woken");
      worker.waiting = wait(name, worker.handles);
    }
    stop.abort();
    await Promise.all(workers.map(({ waiting }) => waiting));
  }),

  rule("waiting ends for one's own work behind hundreds who wait for other work", async (on) => {
    const stop = new AbortController();
    const wait = (engine: Engine, handles: readonly HandledMessage[], timeout: number) =>
      engine.core.waitForWork({ queues: [QUEUE], timeout, signal: stop.signal, handles });
    const others = Array.from({ length: 300 }, (_, index) =>
      wait(on.engine, [{ message: "A", version: index + 1 }], 30_000),
    );
    const waiting = wait(await on.peer(), B, 60_000);
    await on.elapse(SOON);
    await on.sendEach(...mixed("b1"));
    assert.deepEqual(await idsFor(on, A), []);
    await waiting;
    assert.deepEqual(await idsFor(on, B), ["b1"]);
    stop.abort();
    await Promise.all(others);
  }),

  rule("waiting ends at once when what was passed over is one's own", async (on) => {
    await on.sendEach(...mixed("b1"));
    assert.deepEqual(await idsFor(on, A), []);
    const { signal } = new AbortController();
    await on.engine.core.waitForWork({ queues: [QUEUE], timeout: 60_000, signal, handles: B });
    assert.deepEqual(await idsFor(on, B), ["b1"]);
  }),
]);
