import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  memoryEngine,
  RetryAfterError,
  type SettledAttempt,
  UnrecoverableError,
} from "../src/index.ts";
import { FakeClock } from "../src/testing/index.ts";
import {
  FlakyEngine,
  forward,
  Gate,
  phaseCreate,
  plan,
  planCreate,
  planResult,
  RecordingLogger,
  type Setup,
  scan,
  setup,
} from "./runtime-support.ts";

/** A setup whose queue records how attempts end, each as a plain object. */
function record(): Setup & { readonly settled: Recorded[] } {
  const parts = setup();
  const settled: Recorded[] = [];
  parts.queue.use({ settled: (attempt) => settled.push(read(attempt)) });
  return { ...parts, settled };
}

interface Recorded extends Pick<SettledAttempt, "epoch" | "outcome" | "data" | "result" | "error"> {
  readonly id: string;
  readonly attempt: number;
}

const read = ({ job, epoch, outcome, data, result, error }: SettledAttempt): Recorded => ({
  id: job.id,
  attempt: job.attempt,
  epoch,
  outcome,
  data,
  result,
  error,
});

describe("settled", () => {
  it("tells of a completed attempt, with its parsed data and its stored result", async () => {
    const { queue, start, settled, settle } = record();
    await start({ PLAN_CREATE: () => planResult() });
    const startsAt = new Date("2026-02-01T00:00:00Z");
    const handle = await queue.send(planCreate, { planId: "p1", startsAt });
    await settle();
    expect(settled).toEqual([
      {
        id: handle.id,
        attempt: 1,
        epoch: 1,
        outcome: "completed",
        data: { planId: "p1", startsAt },
        result: { planId: "p1", savedAt: "2026-01-01T00:00:00.000Z" },
        error: undefined,
      },
    ]);
  });

  it("tells of each retry and of the failure, in order and with their epochs", async () => {
    const { queue, start, settled, settle, clock } = record();
    await start({
      PHASE_CREATE: () => {
        throw new Error("no such plan");
      },
    });
    const { id } = await queue.send(phaseCreate, { planId: "p1", index: 0 });
    await settle();
    await clock.advance(2_000);
    const error = { code: "HANDLER_FAILED", message: "no such plan", name: "Error" };
    expect(settled).toMatchObject([
      { id, attempt: 1, epoch: 1, outcome: "retrying", error, data: { planId: "p1", index: 0 } },
      { id, attempt: 2, epoch: 2, outcome: "failed", error },
    ]);
  });

  it("tells the size of a result, and when a failed attempt is repeated", async () => {
    const { queue, start, settle } = setup();
    const told: unknown[] = [];
    queue.use({
      settled: ({ outcome, resultSize, retryDelay }) => told.push({ outcome, resultSize, retryDelay }),
    });
    await start({
      PLAN_CREATE: () => planResult(),
      PHASE_CREATE: () => {
        throw new RetryAfterError(30_000);
      },
      SCAN: () => undefined,
    });
    await queue.send(planCreate, plan());
    await settle();
    await queue.send(phaseCreate, { planId: "p1", index: 0 });
    await settle();
    await queue.send(scan, forward);
    await settle();
    const { result } = (await queue.list({ message: "PLAN_CREATE" })).jobs[0]!;
    expect(told).toEqual([
      { outcome: "completed", resultSize: JSON.stringify(result).length, retryDelay: undefined },
      { outcome: "retrying", resultSize: undefined, retryDelay: 30_000 },
      { outcome: "completed", resultSize: undefined, retryDelay: undefined },
    ]);
  });

  it("tells what the engine has stored by then", async () => {
    const { queue, start, settle } = setup();
    const states: unknown[] = [];
    queue.use({
      settled: ({ job }) => void queue.get(job.id).then((snapshot) => states.push(snapshot?.state)),
    });
    await start({
      SCAN: ({ data }) => {
        if (data.channel === "closed") throw new UnrecoverableError("The channel is closed.");
      },
    });
    await queue.send(scan, forward);
    await queue.send(scan, { ...forward, channel: "closed" });
    await settle();
    expect(states).toEqual(["completed", "failed"]);
  });

  it("tells of a cancelled attempt, with the reason", async () => {
    const { queue, start, settled, settle } = record();
    const gate = new Gate();
    await start({ SCAN: ({ signal }) => gate.wait(signal) });
    const handle = await queue.send(scan, forward);
    await settle();
    await queue.cancel(handle, { reason: "not needed" });
    await settle();
    expect(settled).toMatchObject([
      { outcome: "cancelled", error: { code: "JOB_CANCELLED", message: "not needed" }, data: forward },
    ]);
  });

  it("tells of a cancelled attempt whose handler never ran, and reads its data then", async () => {
    const { queue, start, settled, settle } = record();
    const gate = new Gate();
    const worker = await start(
      {
        PLAN_CREATE: async ({ data }) => {
          if (data.planId === "slow") await gate.wait();
          return planResult();
        },
      },
      { concurrency: 1 },
    );
    await queue.send(planCreate, plan());
    await settle();
    await queue.send(planCreate, plan("slow"));
    const waiting = await queue.send(planCreate, plan("waiting"));
    await settle();
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 1 });
    await queue.cancel(waiting);
    gate.open();
    await settle();
    expect(settled.find(({ id }) => id === waiting.id)).toMatchObject({
      outcome: "cancelled",
      data: plan("waiting"),
    });
  });

  it("tells of data that couldn't be read by leaving it out", async () => {
    const { queue, start, settled, settle, flaky } = record();
    await start({ SCAN: () => {} });
    const { id } = await queue.send(scan, forward, { delay: "1h" });
    const [template] = await flaky.engine.inspect.get([{ id }]);
    const { queue: name, priority, maxAttempts } = template!;
    const bound = { age: 3_600_000, count: 100 };
    await flaky.engine.core.enqueue([
      {
        jobs: [
          {
            envelope: { ...template!.envelope, id: "foreign", data: '{"channel":1}' },
            queue: name,
            priority,
            delay: 0,
            maxAttempts,
            maxStalls: 3,
            retain: { completed: bound, failed: bound },
            dependsOn: [],
          },
        ],
      },
    ]);
    await settle();
    expect(settled).toMatchObject([{ id: "foreign", outcome: "failed", error: { code: "INVALID_DATA" } }]);
    expect(settled[0]?.data).toBeUndefined();
  });

  it("tells of what is given back on shutdown: what runs, and what hasn't begun", async () => {
    const { queue, start, settled, settle, clock } = record();
    const gate = new Gate();
    const worker = await start(
      {
        PLAN_CREATE: async ({ data, signal }) => {
          if (data.planId === "slow") await gate.wait(signal);
          return planResult();
        },
      },
      { concurrency: 1 },
    );
    await queue.send(planCreate, plan());
    await settle();
    const slow = await queue.send(planCreate, plan("slow"));
    const waiting = await queue.send(planCreate, plan("waiting"));
    await settle();
    settled.length = 0;
    const stopping = worker.stop({ timeout: "5s" });
    await clock.advance(5_000);
    await stopping;
    expect(settled).toMatchObject([
      { id: waiting.id, outcome: "released", epoch: 1, data: plan("waiting"), error: undefined },
      { id: slow.id, outcome: "released", epoch: 1, data: plan("slow"), error: undefined },
    ]);
    expect((await queue.get(slow))?.state).toBe("queued");
  });

  it("tells nothing of an attempt whose lease was lost", async () => {
    const { queue, start, settled, settle, flaky, clock } = record();
    const gate = new Gate();
    const worker = await start({ SCAN: () => gate.wait() }, { lease: "3s" });
    const handle = await queue.send(scan, forward);
    await settle();
    await flaky.engine.core.release([{ ...flaky.leaseOf(handle.id), delay: 0, bounce: false }]);
    await flaky.engine.core.claim({ queues: ["default"], limit: 1, lease: 60_000 });
    await clock.advance(1_000);
    gate.open();
    await settle();
    expect(worker.stats()).toMatchObject({ lost: 1, completed: 0 });
    expect(settled).toEqual([]);
  });

  it("tells nothing of an outcome that the engine refused as stale", async () => {
    const { queue, start, settled, settle, flaky } = record();
    const gate = new Gate();
    const worker = await start({ SCAN: () => gate.wait() });
    const handle = await queue.send(scan, forward);
    await settle();
    await flaky.engine.core.release([{ ...flaky.leaseOf(handle.id), delay: 0, bounce: false }]);
    await flaky.engine.core.claim({ queues: ["default"], limit: 1, lease: 60_000 });
    gate.open();
    await settle();
    expect(worker.stats()).toMatchObject({ lost: 1, completed: 0 });
    expect(settled).toEqual([]);
  });

  it("tells once, after the engine was away", async () => {
    const { queue, start, settled, settle, flaky, clock } = record();
    const gate = new Gate();
    await start({ SCAN: () => gate.wait() });
    await queue.send(scan, forward);
    await settle();
    flaky.fail("settle", "claim");
    gate.open();
    await settle();
    expect(settled).toEqual([]);
    flaky.mend();
    await clock.advance(2_000);
    expect(settled).toMatchObject([{ outcome: "completed" }]);
  });

  it("may throw: that is logged once, the others hear all the same, and no job is harmed", async () => {
    const { queue, start, settle, logger } = setup();
    const heard: string[] = [];
    queue
      .use({
        settled: () => {
          throw new Error("broken hook");
        },
      })
      .use({ settled: (async () => Promise.reject(new Error("broken promise"))) as never })
      .use({ settled: ({ outcome }) => heard.push(outcome) });
    const worker = await start({ SCAN: () => {} });
    for (let count = 0; count < 3; count++) await queue.send(scan, forward);
    await settle();
    expect(heard).toEqual(["completed", "completed", "completed"]);
    expect(worker.stats()).toMatchObject({ completed: 3, lost: 0 });
    expect(logger.lines).toEqual([
      "error: The `settled` of a middleware threw or rejected. This is logged once, and the function is still called.",
      "error: The `settled` of a middleware threw or rejected. This is logged once, and the function is still called.",
    ]);
  });
});

describe("progress", () => {
  it("is told as it was reported, in order, with the handler's context", async () => {
    const { queue, start } = setup();
    const seen: unknown[] = [];
    const contexts = new Set<unknown>();
    queue.use({
      run: (context, next) => {
        contexts.add(context);
        return next();
      },
      progress: (context, value) => {
        contexts.add(context);
        seen.push([context.job.id, context.fence, context.data, value]);
      },
    });
    await start({
      SCAN: ({ progress }) => {
        progress({ scanned: 1 });
        progress({ scanned: 2 });
      },
    });
    const handle = await queue.send(scan, forward);
    await queue.wait(handle);
    expect(seen).toEqual([
      [handle.id, 1, forward, { scanned: 1 }],
      [handle.id, 1, forward, { scanned: 2 }],
    ]);
    expect(contexts.size).toBe(1);
  });

  it("isn't told when the schema refuses it, when the job has ended, or when its lease is lost", async () => {
    const { queue, start, settle, flaky, clock } = setup();
    const seen: unknown[] = [];
    queue.use({ progress: (_, value) => seen.push(value) });
    const gate = new Gate();
    let report = (_: { scanned: number }) => {};
    await start(
      {
        SCAN: async ({ progress, data }) => {
          report = progress;
          if (data.channel === "refused") progress({ scanned: 0.5 });
          if (data.channel === "lost") await gate.wait();
        },
      },
      { lease: "3s" },
    );
    await queue.send(scan, { ...forward, channel: "refused" });
    await settle();
    await queue.send(scan, forward);
    await settle();
    report({ scanned: 1 });
    const lost = await queue.send(scan, { ...forward, channel: "lost" });
    await settle();
    await flaky.engine.core.release([{ ...flaky.leaseOf(lost.id), delay: 0, bounce: false }]);
    await flaky.engine.core.claim({ queues: ["default"], limit: 1, lease: 60_000 });
    await clock.advance(1_000);
    report({ scanned: 2 });
    expect(seen).toEqual([]);
    gate.open();
  });

  it("may throw: that is logged once, and the job goes on", async () => {
    const { queue, start, logger } = setup();
    queue.use({
      progress: () => {
        throw new Error("broken hook");
      },
    });
    await start({
      SCAN: ({ progress }) => {
        progress({ scanned: 1 });
        progress({ scanned: 2 });
      },
    });
    const handle = await queue.send(scan, forward);
    await queue.wait(handle);
    expect((await queue.get(handle))?.progress).toEqual({ scanned: 2 });
    expect(logger.lines).toEqual([
      "error: The `progress` of a middleware threw or rejected. This is logged once, and the function is still called.",
    ]);
  });
});

describe("a class as middleware", () => {
  it("keeps its `this` in every hook, and hooks of one attempt come in order", async () => {
    class Audit {
      readonly lines: string[] = [];
      run(_: unknown, next: () => Promise<unknown>) {
        this.lines.push("run");
        return next();
      }
      progress(_: unknown, value: unknown) {
        this.lines.push(`progress ${JSON.stringify(value)}`);
      }
      settled({ outcome }: SettledAttempt) {
        this.lines.push(outcome);
      }
      async start() {
        this.lines.push("start");
        return { stop: async () => void this.lines.push("stop") };
      }
    }
    const audit = new Audit();
    const { queue, start } = setup();
    queue.use(audit);
    const worker = await start({ SCAN: ({ progress }) => progress({ scanned: 1 }) });
    await queue.wait(await queue.send(scan, forward));
    await worker.stop();
    expect(audit.lines).toEqual(["start", "run", 'progress {"scanned":1}', "completed", "stop"]);
  });
});

describe("a message with an asynchronous schema", () => {
  it("is told with its data when its handler ran, and without when it didn't", async () => {
    const slow = defineMessage("SLOW", {
      data: z.object({ id: z.string().refine(async (id) => id !== "") }),
    });
    const clock = new FakeClock();
    const flaky = new FlakyEngine(memoryEngine({ clock }));
    const queue = createQueue({ registry: createRegistry([slow]), engine: flaky.engine, clock });
    const settled: Recorded[] = [];
    queue.use({ settled: (attempt) => settled.push(read(attempt)) });
    const gate = new Gate();
    const worker = createWorker(queue, { concurrency: 1, logger: new RecordingLogger() }).handle(
      slow,
      async ({ data }) => {
        if (data.id === "long") await gate.wait();
      },
    );
    await worker.start();
    const ran = await queue.send(slow, { id: "ran" });
    await clock.advance(0);
    await queue.send(slow, { id: "long" });
    const waiting = await queue.send(slow, { id: "waiting" });
    await clock.advance(0);
    await queue.cancel(waiting);
    gate.open();
    await clock.advance(0);
    expect(settled.find(({ id }) => id === ran.id)).toMatchObject({ data: { id: "ran" } });
    expect(settled.find(({ id }) => id === waiting.id)?.data).toBeUndefined();
  });
});
