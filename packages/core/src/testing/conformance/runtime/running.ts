import assert from "node:assert/strict";
import { UnrecoverableError } from "../../../errors/index.ts";
import type { JobEvent } from "../../../queue/events/job-events.ts";
import { alterEngine } from "../../alter-engine.ts";
import { rule, section } from "../case.ts";
import { newJob } from "../new-job.ts";
import { SHORT_LEASE, SOON, WORKER_LEASE } from "../timing.ts";
import { dated, echo, empty, forgotten, step, text, timed } from "./messages.ts";
import { aborted, gate, play, rejection, type Stage, type StageHandlers } from "./stage.ts";

const echoes: StageHandlers = { ECHO: async ({ data }) => data };

export const workerCases = section("running with createWorker", [
  rule("data is parsed when received, and results when read: dates survive", async (on) => {
    await play(on, async (stage) => {
      const at = new Date("2026-05-06T07:08:09.010Z");
      const job = await stage.queue.send(dated, { at });
      await stage.work({ DATED: async ({ data }) => ({ next: data.at }) });
      assert.deepEqual(await job.wait(), { next: at });
    });
  }),

  rule("data and results may be undefined", async (on) => {
    await play(on, async (stage) => {
      const job = await stage.queue.send(empty, undefined);
      const received: unknown[] = [];
      await stage.work({ EMPTY: async ({ data }) => void received.push(data) });
      assert.equal(await job.wait(), undefined);
      assert.deepEqual(received, [undefined]);
      const snapshot = await stage.queue.get(job);
      assert.equal(snapshot?.state, "completed");
      assert.equal(snapshot.raw, false);
    });
  }),

  rule("a handler receives its job, attempt and fence", async (on) => {
    await play(on, async (stage) => {
      const options = { userId: "u", metadata: { tenant: "t" }, attempts: 2 };
      const job = await stage.queue.send(echo, text("a"), options);
      const contexts: unknown[] = [];
      await stage.work({
        ECHO: async ({ data, job: { id, attempt, maxAttempts, userId, metadata }, fence }) => {
          contexts.push({ id, attempt, maxAttempts, userId, metadata, fence });
          return data;
        },
      });
      await job.wait();
      assert.deepEqual(contexts, [
        { id: job.id, attempt: 1, maxAttempts: 2, userId: "u", metadata: { tenant: "t" }, fence: 1 },
      ]);
    });
  }),

  rule("exactly as many handlers run at once as the concurrency allows", async (on) => {
    await play(on, async (stage) => {
      const open = gate();
      let running = 0;
      let most = 0;
      const full = gate();
      const jobs = await Promise.all(
        Array.from({ length: 20 }, (_, index) => stage.queue.send(echo, text(`${index}`))),
      );
      await stage.work(
        {
          ECHO: async ({ data }) => {
            most = Math.max(most, ++running);
            if (running === 4) full.open();
            await open.passed;
            running--;
            return data;
          },
        },
        { concurrency: 4 },
      );
      await full.passed;
      open.open();
      await Promise.all(jobs.map((job) => job.wait()));
      assert.equal(most, 4);
    });
  }),

  rule("at-least-once: jobs of a dead worker run again, with a greater fence", async (on) => {
    await play(on, async (stage) => {
      const job = await stage.queue.send(echo, text("a"));
      const [dead] = await on.claim(1, ["stage"], SHORT_LEASE);
      const fences: number[] = [];
      await stage.work({
        ECHO: async ({ data, fence }) => {
          fences.push(fence);
          return data;
        },
      });
      await on.elapse(SHORT_LEASE);
      await on.elapse(SOON);
      await job.wait();
      assert.equal(fences.length, 1);
      assert(fences[0]! > dead!.epoch);
      assert.equal((await stage.queue.get(job))?.stalls, 1);
    });
  }),

  rule("a worker extends the leases of handlers that take longer", async (on) => {
    await play(on, async (stage) => {
      const job = await stage.queue.send(echo, text("a"));
      const open = gate();
      const worker = await stage.work({
        ECHO: async ({ data }) => {
          await open.passed;
          return data;
        },
      });
      await stage.reaches(job, "active");
      await on.elapse(3 * WORKER_LEASE);
      assert.equal((await on.recover()).requeued, 0);
      open.open();
      await job.wait();
      assert.equal((await stage.queue.get(job))?.epoch, 1);
      assert.equal(worker.stats().lost, 0);
    });
  }),

  rule("when a lease is lost, the signal fires with LEASE_LOST, and the result is refused", async (on) => {
    const away = alterEngine(on.engine, {
      core: { extend: async () => Promise.reject(new Error("unreachable")) },
    });
    const reason = gate<unknown>();
    const open = gate();
    const cut = async (stage: Stage) => {
      const job = await stage.queue.send(echo, text("a"));
      const sleeper = await stage.work(
        {
          ECHO: async ({ signal }) => {
            reason.open(await aborted(signal));
            await open.passed;
            return text("late");
          },
        },
        // One slot, which the handler occupies, so that this worker doesn't claim the job again.
        { maintenanceInterval: "10s", concurrency: 1 },
      );
      await stage.reaches(job, "active");
      await on.elapse(WORKER_LEASE);
      assert.equal(((await reason.passed) as { code: string }).code, "LEASE_LOST");
      await on.recover();
      const [successor] = await on.claim(1, ["stage"]);
      assert.equal(successor?.id, job.id);
      open.open();
      await sleeper.idle();
      await on.complete(successor!, '{"text":"right"}');
      assert.deepEqual(await job.wait(), text("right"));
      assert.equal(sleeper.stats().lost, 1);
    };
    await play(on, cut, away);
  }),

  rule("when a handler takes too long, the signal fires with TIMEOUT, and the attempt fails", async (on) => {
    await play(on, async (stage) => {
      const job = await stage.queue.send(timed, {});
      const codes: string[] = [];
      await stage.work({
        TIMED: async ({ signal }) => {
          const reason = await aborted(signal);
          codes.push(reason.code);
          throw reason;
        },
      });
      await stage.reaches(job, "active");
      await on.elapse(SOON);
      await on.elapse(SOON);
      const { error, attempt } = await stage.failure(job);
      assert.deepEqual(codes, ["TIMEOUT", "TIMEOUT"]);
      assert.equal(error.code, "TIMEOUT");
      assert.equal(attempt, 2);
    });
  }),

  rule(
    "on shutdown the signal fires with SHUTDOWN, and the job is released without using up an attempt",
    async (on) => {
      await play(on, async (stage) => {
        const job = await stage.queue.send(echo, text("a"));
        const worker = await stage.work({
          ECHO: async ({ signal }) => {
            throw await aborted(signal);
          },
        });
        await stage.reaches(job, "active");
        const stopping = worker.stop({ timeout: SOON });
        await on.elapse(SOON);
        await stopping;
        const { state, attempt, stalls } = (await stage.queue.get(job))!;
        assert.deepEqual({ state, attempt, stalls }, { state: "queued", attempt: 0, stalls: 0 });
        await stage.work(echoes);
        assert.deepEqual(await job.wait(), text("a"));
      });
    },
  ),

  rule("stopping waits for running jobs and claims no new ones", async (on) => {
    await play(on, async (stage) => {
      const open = gate();
      const first = await stage.queue.send(echo, text("first"));
      const worker = await stage.work(
        {
          ECHO: async ({ data }) => {
            await open.passed;
            return data;
          },
        },
        { concurrency: 1 },
      );
      await stage.reaches(first, "active");
      const second = await stage.queue.send(echo, text("second"));
      const stopping = worker.stop({ timeout: "10s" });
      open.open();
      await stopping;
      assert.equal(await stage.state(first), "completed");
      assert.equal(await stage.state(second), "queued");
    });
  }),

  rule(
    "progress and logs are readable while the handler runs, and the last ones arrive before its end",
    async (on) => {
      await play(on, async (stage) => {
        const job = await stage.queue.send(echo, text("a"));
        const open = gate();
        const heard = gate();
        const stop = await stage.queue.subscribe(() => heard.open(), { types: ["progress"] });
        await stage.work({
          ECHO: async ({ data, progress, log }) => {
            log("begun");
            progress({ done: 1 });
            await open.passed;
            progress({ done: 2 });
            log("nearly there");
            return data;
          },
        });
        await heard.passed;
        const midway = (await stage.queue.get(job))!;
        assert.deepEqual(midway.progress, { done: 1 });
        assert.deepEqual(
          midway.logs.map(({ message }) => message),
          ["begun"],
        );
        open.open();
        await job.wait();
        const ended = (await stage.queue.get(job))!;
        assert.deepEqual(ended.progress, { done: 2 });
        assert.equal(ended.logs.at(-1)?.message, "nearly there");
        await stop();
      });
    },
  ),

  rule("a handler reads the results of its job's dependencies", async (on) => {
    await play(on, async (stage) => {
      const parent = await stage.queue.send(echo, text("parent"));
      const child = await stage.queue.send(step, { plan: "p", index: 1 }, { dependsOn: [parent] });
      const read = gate<unknown>();
      await stage.work({
        ...echoes,
        STEP: async ({ dependencies }) => {
          read.open([await dependencies.resultOf(echo), await dependencies.list()]);
        },
      });
      await child.wait();
      assert.deepEqual(await read.passed, [
        text("parent"),
        [{ id: parent.id, messageType: "ECHO", state: "completed", result: text("parent") }],
      ]);
    });
  }),

  rule("an event has its documented fields and no others", async (on) => {
    await play(on, async (stage) => {
      const events: JobEvent[] = [];
      await stage.queue.subscribe((event) => void events.push(event));
      const good = await stage.queue.send(echo, text("good"), { id: "good" });
      const bad = await stage.queue.send(echo, text("bad"), { id: "bad" });
      await stage.work({
        ECHO: async ({ data, progress }) => {
          if (data.text === "bad") throw new UnrecoverableError("a secret of the app");
          await progress({ done: 1 });
          return data;
        },
      });
      await good.wait();
      await rejection(bad.wait(), "JOB_FAILED");
      while (events.filter(({ type }) => type === "completed" || type === "failed").length < 2) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      for (const { type, id, at, ...rest } of events) {
        assert(at instanceof Date && Number.isFinite(at.getTime()));
        assert(["good", "bad"].includes(id));
        const epoch = type === "queued" ? 0 : 1;
        assert.deepEqual(rest, { queue: "stage", messageType: "ECHO", epoch }, type);
      }
    });
  }),

  rule("a wait for a job that isn't kept after its end resolves with its result", async (on) => {
    await play(on, async (stage) => {
      await stage.work({ FORGOTTEN: async ({ data }) => data });
      for (let index = 0; index < 40; index++) {
        const job = await stage.queue.send(forgotten, text(`${index}`));
        assert.deepEqual(await job.wait(), text(`${index}`));
      }
    });
  }),

  rule("list returns jobs that the contract can't read raw, and doesn't throw", async (on) => {
    await play(on, async ({ queue }) => {
      await on.engine.core.enqueue([
        { jobs: [newJob({ id: "old", queue: "stage", messageType: "ECHO", data: "7" })] },
      ]);
      const { raw, data } = (await queue.get("old"))!;
      assert.equal(raw, true);
      assert.equal(data, 7);
      await rejection(queue.send(echo, 7 as never), "INVALID_DATA");
    });
  }),
]);
