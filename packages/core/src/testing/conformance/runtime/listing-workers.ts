import assert from "node:assert/strict";
import { createQueue, type Queue } from "../../../queue/queue.ts";
import type { WorkerSnapshot } from "../../../queue/report/workers.ts";
import { VERSION } from "../../../worker/version.ts";
import { createWorker } from "../../../worker/worker.ts";
import { rule, section } from "../case.ts";
import { SOON } from "../timing.ts";
import { echo, type StageMessage, stageRegistry, text } from "./messages.ts";
import { gate, play, type Stage } from "./stage.ts";

/** Resolves with the workers once they meet a condition. What workers run is told by their next beat. */
async function workersOnce(
  { on, queue }: Stage,
  isWanted: (workers: readonly WorkerSnapshot[]) => boolean,
): Promise<readonly WorkerSnapshot[]> {
  for (;;) {
    const workers = await queue.workers();
    if (isWanted(workers)) return workers;
    await on.elapse(SOON);
  }
}

export const listingWorkersCases = section("listing workers", [
  rule("workers of all processes are listed with what they serve and handle, until they stop", async (on) => {
    await play(on, async (stage) => {
      const other: Queue<StageMessage> = createQueue({
        registry: stageRegistry,
        engine: await on.peer(),
        closeEngine: false,
        clock: on.clock,
      });
      const options = {
        name: "mailer",
        concurrency: 3,
        queues: ["stage"],
        logger: { warn() {}, error() {} },
      };
      const mailer = createWorker(other, options).handle(echo, ({ data }) => data);
      try {
        await stage.work({ ECHO: ({ data }) => data, DATED: () => ({ next: new Date() }) });
        await mailer.start();
        const workers = await stage.queue.workers();
        const second = workers.find(({ name }) => name === "mailer");
        const [first, ...others] = workers.filter((worker) => worker !== second);
        assert.deepEqual(others, []);
        assert.deepEqual(
          [second?.name, second?.concurrency, second?.queues, second?.handles],
          ["mailer", 3, ["stage"], [{ message: "ECHO", version: 1 }]],
        );
        assert.deepEqual(
          first?.handles.map(({ message }) => message),
          ["ECHO", "DATED"],
        );
        assert.match(first?.name ?? "", new RegExp(`:${process.pid}$`));
        assert.equal(second?.process, process.pid);
        assert.equal(second?.version, VERSION);
        assert.notEqual(first?.id, second?.id);
        assert(first!.startedAt instanceof Date && first!.seenAt >= first!.startedAt);
        await mailer.stop();
        assert.deepEqual(
          (await stage.queue.workers()).map(({ id }) => id),
          [first!.id],
        );
      } finally {
        await mailer.stop();
        await other.close();
      }
    });
  }),

  rule("a worker is listed with the jobs that it runs, and since when", async (on) => {
    await play(on, async (stage) => {
      const open = gate();
      await stage.work({
        ECHO: async ({ data }) => {
          await open.passed;
          return data;
        },
      });
      const jobs = [await stage.queue.send(echo, text("a")), await stage.queue.send(echo, text("b"))];
      const [worker] = await workersOnce(stage, ([first]) => first?.running === 2);
      assert.deepEqual(
        worker!.attempts.map(({ id }) => id),
        jobs.map(({ id }) => id),
      );
      for (const { since } of worker!.attempts) {
        assert(since >= worker!.startedAt && since <= worker!.seenAt, "since its handler was called");
      }
      open.open();
      await Promise.all(jobs.map((job) => job.wait()));
      await workersOnce(stage, ([first]) => first?.running === 0 && first.attempts.length === 0);
    });
  }),

  rule("a worker that the engine has lost comes back by itself", async (on) => {
    await play(on, async (stage) => {
      const open = gate();
      await stage.work({
        ECHO: async ({ data }) => {
          await open.passed;
          return data;
        },
      });
      const job = await stage.queue.send(echo, text("a"));
      const [before] = await workersOnce(stage, ([first]) => first?.running === 1);
      await on.engine.workers.unregister(before!.id);
      const [after] = await workersOnce(stage, ([first]) => first?.running === 1);
      assert.deepEqual([after?.id, after?.handles], [before!.id, before!.handles]);
      const moved = Math.abs(Number(after!.startedAt) - Number(before!.startedAt));
      assert(moved < SOON, `the start has moved by ${moved} ms`);
      open.open();
      await job.wait();
    });
  }),

  rule("a message that no live worker handles is named at once, in data and in words", async (on) => {
    await play(on, async (stage) => {
      const { queue } = stage;
      const job = await queue.send(echo, text("a"));
      const unserved = await queue.explain(job);
      assert.match(
        unserved.summary,
        /No live worker serves the queue stage\. Start a worker that handles ECHO/,
      );
      assert.deepEqual(
        (await queue.health()).reasons.map(({ kind, status }) => [kind, status]),
        [["unserved", "warning"]],
      );

      const other = await stage.work({ DATED: () => ({ next: new Date() }) });
      await workersOnce(stage, ({ length }) => length === 1);
      const { reasons, summary } = await queue.explain(job);
      assert.deepEqual(
        reasons.map((reason) => ("workers" in reason ? [reason.kind, reason.workers] : [reason.kind])),
        [["ready"], ["unhandled", 1]],
      );
      assert.match(summary, /The live worker of the queue stage doesn't handle ECHO\..* stays queued/);
      const [named, ...rest] = (await queue.health()).reasons;
      assert.deepEqual(
        [named?.kind, named?.queue, named?.messageType, named?.version, rest],
        ["unhandled", "stage", "ECHO", 1, []],
      );
      await other.stop();

      await stage.work({ ECHO: ({ data }) => data });
      assert.deepEqual(await job.wait(), text("a"));
      assert.equal((await queue.health()).status, "healthy");
    });
  }),

  rule("a quiet worker is listed as such, and doesn't count as one that takes jobs", async (on) => {
    await play(on, async (stage) => {
      const { queue } = stage;
      const open = gate();
      const worker = await stage.work({
        ECHO: async ({ data }) => {
          await open.passed;
          return data;
        },
      });
      const job = await queue.send(echo, text("a"));
      await workersOnce(stage, ([first]) => first?.running === 1);
      worker.quiet();
      const [quiet] = await workersOnce(stage, ([first]) => first?.quiet === true);
      assert.equal(quiet!.running, 1);
      const waiting = await queue.send(echo, text("b"));
      assert.match((await queue.explain(waiting)).summary, /only live worker of the queue stage is quiet/);
      const { reasons } = await queue.health();
      assert.deepEqual(
        reasons.map(({ kind, queue: name }) => [kind, name]),
        [["unserved", "stage"]],
      );
      assert.match(reasons[0]!.text, /the only live worker of this queue is quiet/);
      open.open();
      await job.wait();
    });
  }),

  rule("a version that live workers don't know yet is named, with the one that they know", async (on) => {
    await play(on, async (stage) => {
      await stage.work({ ECHO: ({ data }) => data });
      await on.send({ id: "new", queue: "stage", messageType: "ECHO", envelope: { version: 3 } });
      const { reasons, state } = await stage.queue.explain("new");
      assert.equal(state, "queued");
      assert.match(
        reasons.at(-1)!.text,
        /handle ECHO up to version 1, and this is version 3\. Deploy workers/,
      );
      assert.deepEqual(
        reasons.map((reason) => "handledUpTo" in reason && reason.handledUpTo),
        [false, 1],
      );
      const { reasons: found } = await stage.queue.health();
      assert.deepEqual(
        found.map(({ kind, messageType, version }) => [kind, messageType, version]),
        [["unhandled", "ECHO", 3]],
      );
    });
  }),
]);
