import assert from "node:assert/strict";
import * as z from "zod/mini";
import { defineMessage } from "../../../contract/message.ts";
import { createRegistry } from "../../../contract/registry.ts";
import { QueueError } from "../../../errors/index.ts";
import { createQueue } from "../../../queue/queue.ts";
import { createWorker } from "../../../worker/worker.ts";
import { alterEngine } from "../../alter-engine.ts";
import { rule, section } from "../case.ts";
import { SOON } from "../timing.ts";
import { dated, echo, step, text } from "./messages.ts";
import { play, rejection, type Stage, type StageHandlers } from "./stage.ts";

const echoes: StageHandlers = { ECHO: async ({ data }) => data };

export const sharingCases = section("order and fairness among workers", [
  rule("one active job per ordering key, in send order, across workers", async (on) => {
    await play(on, async (stage) => {
      const runs: string[] = [];
      const active = new Map<string, number>();
      const handlers: StageHandlers = {
        STEP: async ({ data }) => {
          assert.equal(active.get(data.plan) ?? 0, 0, `${data.plan} runs alone`);
          active.set(data.plan, 1);
          await new Promise((resolve) => setImmediate(resolve));
          runs.push(`${data.plan}${data.index}`);
          active.set(data.plan, 0);
        },
      };
      await Promise.all([stage.work(handlers), stage.work(handlers)]);
      const jobs = await Promise.all(
        Array.from({ length: 30 }, (_, index) =>
          stage.queue.send(step, { plan: "abc"[index % 3]!, index: Math.floor(index / 3) }),
        ),
      );
      await Promise.all(jobs.map((job) => job.wait()));
      for (const plan of "abc") {
        const own = runs.filter((run) => run.startsWith(plan));
        assert.deepEqual(
          own,
          Array.from({ length: 10 }, (_, index) => `${plan}${index}`),
        );
      }
    });
  }),

  rule("workers of one message each share a queue, also while they come and go", async (on) => {
    await play(on, async (stage) => {
      const at = new Date("2026-01-01T00:00:00Z");
      const dates: StageHandlers = { DATED: async ({ data }) => ({ next: data.at }) };
      const sendSome = async () => {
        const sends = Array.from({ length: 60 }, (_, index) =>
          index % 2 ? stage.queue.send(echo, text(`${index}`)) : stage.queue.send(dated, { at }),
        );
        return Promise.all(sends);
      };
      const first = await stage.work(echoes);
      const jobs = await sendSome();
      const second = await stage.work(dates);
      jobs.push(...(await sendSome()));
      await first.stop();
      jobs.push(...(await sendSome()));
      await stage.work(echoes);
      await second.stop();
      jobs.push(...(await sendSome()));
      await stage.work({ ...echoes, ...dates });
      await Promise.all(jobs.map((job) => job.wait()));
      for (const job of jobs) {
        const { attempt, bounces } = (await stage.queue.get(job))!;
        assert.deepEqual({ attempt, bounces }, { attempt: 1, bounces: 0 });
      }
    });
  }),

  rule("jobs of a message that moved to another queue are run by workers of the old queue", async (on) => {
    const before = defineMessage("MOVED", { data: z.object({}), queue: "old" });
    const after = defineMessage("MOVED", { data: z.object({}), queue: "new" });
    const sender = createQueue({ registry: createRegistry([before]), engine: on.engine, clock: on.clock });
    const queue = createQueue({ registry: createRegistry([after]), engine: on.engine, clock: on.clock });
    const options = { pollInterval: 50, logger: { warn() {}, error() {} } };
    const astray = createWorker(queue, { ...options, queues: ["new", "odl"] }).handle(after, () => {});
    const worker = createWorker(queue, { ...options, queues: ["new", "old"] }).handle(after, () => {});
    try {
      assert.match((await rejection(worker.start(), "INVALID_OPTIONS")).message, /"old"/);
      const jobs = [await sender.send(before, {}), await queue.send(after, {})];
      assert.deepEqual(
        (await queue.health()).reasons.map(({ kind, queue: name }) => [kind, name]),
        [
          ["unserved", "new"],
          ["unserved", "old"],
        ],
      );
      assert.match((await rejection(astray.start(), "INVALID_OPTIONS")).message, /"odl".*old/);
      await Promise.all([worker.start(), worker.start()]);
      for (const { id } of jobs) await queue.wait(id);
      assert.deepEqual((await queue.health()).reasons, []);
    } finally {
      await Promise.all([worker.stop(), astray.stop()]);
      await Promise.all([sender.close(), queue.close()]);
    }
  }),

  rule("two idle workers split ten slow jobs five to five", async (on) => {
    await play(on, async (stage) => {
      const ran = [0, 0];
      const handler = (worker: number): StageHandlers => ({
        ECHO: async ({ data }) => {
          ran[worker]!++;
          await new Promise<void>((resolve) => on.clock.after(SOON, resolve));
          return data;
        },
      });
      await stage.work(handler(0), { concurrency: 1 });
      await stage.work(handler(1), { concurrency: 1 });
      const jobs = await Promise.all(
        Array.from({ length: 10 }, (_, index) => stage.queue.send(echo, text(`${index}`))),
      );
      const all = Promise.all(jobs.map((job) => job.wait()));
      for (let round = 0; round < 6; round++) await on.elapse(SOON);
      await all;
      assert.deepEqual(ran, [5, 5]);
    });
  }),

  rule("a wait whose subscription failed notices the ending long before its next poll", async (on) => {
    let failures = 2;
    const engine = alterEngine(on.engine, {
      events: {
        async subscribe(subscriber) {
          if (failures-- > 0) throw new QueueError("ENGINE_UNAVAILABLE", "The connection was lost.");
          return on.engine.events.subscribe(subscriber);
        },
      },
    });
    const scene = async ({ queue }: Stage) => {
      const job = await queue.send(echo, text("a"));
      const waiting = rejection(job.wait({ timeout: "3s" }), "JOB_CANCELLED");
      await on.elapse(SOON);
      await queue.cancel(job);
      await waiting;
    };
    await play(on, scene, engine);
  }),

  rule("a paused queue's jobs wait until it is resumed", async (on) => {
    await play(on, async (stage) => {
      await stage.work(echoes);
      await stage.queue.pause("stage");
      const job = await stage.queue.send(echo, text("a"));
      await on.elapse(SOON);
      assert.equal(await stage.state(job), "queued");
      await stage.queue.resume("stage");
      assert.deepEqual(await job.wait(), text("a"));
    });
  }),

  rule("a delayed job runs on its own once it is due", async (on) => {
    await play(on, async (stage) => {
      await stage.work(echoes);
      const job = await stage.queue.send(echo, text("a"), { delay: SOON });
      assert.equal(await stage.state(job), "scheduled");
      await on.elapse(SOON);
      assert.deepEqual(await job.wait(), text("a"));
    });
  }),
]);
