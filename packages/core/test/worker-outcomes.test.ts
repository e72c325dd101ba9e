import { describe, expect, it, onTestFinished, vi } from "vitest";
import * as z from "zod";
import type { NewJob } from "../src/engine/index.ts";
import {
  type Backoff,
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  RetryAfterError,
  UnrecoverableError,
} from "../src/index.ts";
import { createTestQueue } from "../src/testing/index.ts";
import {
  forward,
  Gate,
  phaseCreate,
  plan,
  planCreate,
  planResult,
  RecordingLogger,
  rejection,
  runOnce,
  type Setup,
  scan,
  setup,
} from "./runtime-support.ts";

/** Stores a job as an older or a foreign producer might have. */
async function store({ flaky }: Setup, envelope: Partial<NewJob["envelope"]>): Promise<string> {
  const id = `raw-${envelope.messageType}`;
  const bound = { age: 3_600_000, count: 100 };
  await flaky.engine.core.enqueue([
    {
      jobs: [
        {
          envelope: {
            id,
            messageType: "SCAN",
            version: 2,
            timestamp: "2026-01-01T00:00:00.000Z",
            data: JSON.stringify(forward),
            ...envelope,
          },
          queue: "default",
          priority: 0,
          delay: 0,
          maxAttempts: 3,
          maxStalls: 3,
          retain: { completed: bound, failed: bound },
          dependsOn: [],
        },
      ],
    },
  ]);
  return id;
}

describe("success", () => {
  it("completes the job with its encoded result", async () => {
    const { queue, flaky, start, settle } = setup();
    const worker = await start({ PLAN_CREATE: async ({ data }) => planResult(data.planId) });
    const handle = await queue.send(planCreate, plan());
    await settle();
    const [record] = await flaky.engine.inspect.get([{ id: handle.id }]);
    expect(record).toMatchObject({
      state: "completed",
      result: '{"planId":"p1","savedAt":"2026-01-01T00:00:00.000Z"}',
    });
    expect(worker.stats()).toMatchObject({ completed: 1, running: 0, buffered: 0, state: "running" });
  });

  it("takes handlers that return at once", async () => {
    expect(await runOnce(() => {})).toMatchObject({ state: "completed" });
  });

  it("takes other libraries' promises, and survives what only looks like one", async () => {
    // biome-ignore lint/suspicious/noThenProperty: what the test is about
    const thenable = { then: (resolve: () => void) => resolve() };
    expect(await runOnce(() => thenable as never)).toMatchObject({ state: "completed" });
    const trap = new Proxy(
      {},
      {
        has: () => {
          throw new Error("keep out");
        },
      },
    );
    expect(await runOnce(() => trap as never)).toMatchObject({
      state: "failed",
      error: { message: "keep out" },
    });
  });

  it("fails with INVALID_RESULT, without retry, when the result isn't what the contract says", async () => {
    const { queue, start, settle } = setup();
    await start({ PLAN_CREATE: async () => ({ planId: 7 }) as never });
    const handle = await queue.send(planCreate, plan());
    await settle();
    expect(await queue.get(handle)).toMatchObject({
      state: "failed",
      attempt: 1,
      error: { code: "INVALID_RESULT", issues: [{ path: "planId" }, { path: "savedAt" }] },
    });
  });
});

describe("failure", () => {
  it("is retried after the policy's pause until the attempts are used up", async () => {
    const { queue, start, settle, clock } = setup();
    const startedAt: number[] = [];
    await start({
      PLAN_CREATE: ({ job }) => {
        startedAt.push(clock.now());
        throw new Error(`attempt ${job.attempt}`);
      },
    });
    const began = clock.now();
    const handle = await queue.send(planCreate, plan(), { attempts: 4 });
    await settle();
    await clock.advance(60_000);
    // 2 s, 4 s, then the bound of 5 s instead of 8 s.
    expect(startedAt.map((at) => at - began)).toEqual([0, 2_000, 6_000, 11_000]);
    expect(await queue.get(handle)).toMatchObject({
      state: "failed",
      attempt: 4,
      error: { code: "HANDLER_FAILED", message: "attempt 4" },
    });
  });

  it("doesn't keep other jobs waiting", async () => {
    const { queue, start, settle } = setup();
    await start(
      {
        PLAN_CREATE: ({ data }) => {
          if (data.planId === "bad") throw new Error("bad");
          return planResult();
        },
      },
      { concurrency: 1 },
    );
    const bad = await queue.send(planCreate, plan("bad"));
    const good = await queue.send(planCreate, plan());
    await settle();
    expect((await queue.get(bad))?.state).toBe("scheduled");
    expect((await queue.get(good))?.state).toBe("completed");
  });

  it("with UnrecoverableError is final at once", async () => {
    const { queue, start, settle } = setup();
    await start({ PLAN_CREATE: () => Promise.reject(new UnrecoverableError("deleted")) });
    const handle = await queue.send(planCreate, plan());
    await settle();
    expect(await queue.get(handle)).toMatchObject({
      state: "failed",
      attempt: 1,
      error: { code: "UNRECOVERABLE", name: "UnrecoverableError" },
    });
  });

  it("knows the errors of another copy of the package by their brand", async () => {
    const foreign = Object.assign(new Error("deleted"), { code: "UNRECOVERABLE", issues: [] });
    Object.defineProperty(foreign, Symbol.for("@org/queue/error"), { value: true });
    const { queue, start, settle } = setup();
    await start({ PLAN_CREATE: () => Promise.reject(foreign) });
    const handle = await queue.send(planCreate, plan());
    await settle();
    expect((await queue.get(handle))?.state).toBe("failed");
  });

  it("with RetryAfterError chooses its pause, and uses up an attempt", async () => {
    const { queue, start, settle, clock } = setup();
    await start({ PHASE_CREATE: () => Promise.reject(new RetryAfterError(30_000)) });
    const handle = await queue.send(phaseCreate, { planId: "p1", index: 0 });
    await settle();
    expect(await queue.get(handle)).toMatchObject({
      state: "scheduled",
      runAt: new Date(clock.now() + 30_000),
      error: { code: "RETRY_AFTER" },
    });
    await clock.advance(30_000);
    expect(await queue.get(handle)).toMatchObject({ state: "failed", attempt: 2 });
  });

  it("grows its pause by the policy, with jitter as a share of it", async () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    onTestFinished(() => void vi.restoreAllMocks());
    const exponential = { type: "exponential", delay: 100, maxDelay: 1_000 } as const;
    expect(await retryPauses(exponential)).toEqual([100, 200, 400, 800, 1_000]);
    expect(await retryPauses({ ...exponential, jitter: 0.5 })).toEqual([50, 100, 200, 400, 500]);
    expect(await retryPauses({ ...exponential, type: "fixed" })).toEqual([100, 100, 100, 100, 100]);
  });
});

/** The pauses before the attempts 2 to 6 of a job. */
async function retryPauses(backoff: Backoff): Promise<readonly number[]> {
  const message = defineMessage("FAILING", { data: z.object({}), retry: { attempts: 6, backoff } });
  await using test = await createTestQueue({
    registry: createRegistry([message]),
    handlers: { FAILING: () => Promise.reject(new Error("again")) },
  });
  const { queue, clock } = test;
  const handle = await queue.send(message, {});
  const pauses: number[] = [];
  for (;;) {
    await clock.advance(0);
    const { runAt } = (await queue.get(handle))!;
    if (runAt === undefined) return pauses;
    pauses.push(runAt.getTime() - clock.now());
    await clock.advance(pauses.at(-1)!);
  }
}

describe("data", () => {
  it("is upcast to the handler's version", async () => {
    const it = setup();
    const seen: unknown[] = [];
    await it.start({ SCAN: ({ data, job }) => void seen.push({ ...data, version: job.version }) });
    await store(it, { version: 1, data: '{"channel":"old"}' });
    await it.settle();
    expect(seen).toEqual([{ channel: "old", direction: "backward", version: 1 }]);
  });

  it.each([
    ["is not JSON", "{"],
    ["doesn't match the schema", '{"channel":1}'],
  ])("that %s fails with INVALID_DATA, without retry, its payload kept", async (_, data) => {
    const it = setup();
    let runs = 0;
    await it.start({ SCAN: () => void runs++ });
    const id = await store(it, { data });
    await it.settle();
    const [record] = await it.flaky.engine.inspect.get([{ id }]);
    expect(record).toMatchObject({ state: "failed", attempt: 1, envelope: { data } });
    expect(JSON.parse(record!.error!)).toMatchObject({ code: "INVALID_DATA" });
    expect(runs).toBe(0);
  });

  it("of a version that the upcast doesn't reach fails with UNSUPPORTED_VERSION", async () => {
    const third = defineMessage("SCAN", {
      version: 3,
      data: z.object({}),
      upcast: { 2: (data) => data },
    });
    const { flaky, clock, ...rest } = setup();
    const queue = createQueue({ registry: createRegistry([third]), engine: flaky.engine, clock });
    await createWorker(queue)
      .handle(third, () => {})
      .start();
    const id = await store({ flaky, clock, ...rest }, { version: 1 });
    await rest.settle();
    expect(await queue.get(id)).toMatchObject({ state: "failed", error: { code: "UNSUPPORTED_VERSION" } });
  });
});

describe("what this worker doesn't handle", () => {
  it.each([
    ["an unknown message", { messageType: "NEWER_MESSAGE" }],
    ["a newer version", { version: 9 }],
  ])("stays queued, however long: %s", async (_, envelope) => {
    const it = setup();
    await it.start({ SCAN: () => {} });
    const id = await store(it, envelope);
    await it.clock.advance(1_000_000);
    expect(await it.flaky.engine.inspect.get([{ id }])).toMatchObject([{ state: "queued", epoch: 0 }]);
  });

  it("goes to a worker that handles it, as in a rolling deploy", async () => {
    const it = setup();
    await it.start({ SCAN: () => {} });
    const id = await store(it, { version: 3 });
    await it.settle();
    const third = defineMessage("SCAN", { version: 3, data: z.object({ channel: z.string() }) });
    const registry = createRegistry([third]);
    const newer = createQueue({ registry, engine: it.flaky.engine, clock: it.clock });
    await createWorker(newer)
      .handle(third, () => {})
      .start();
    await it.settle();
    expect(await newer.get(id)).toMatchObject({ state: "completed", attempt: 1 });
  });

  it("is given back where the engine can't select, after pauses that grow", async () => {
    const it = setup({ features: { selectiveClaims: false } });
    await it.start({ SCAN: () => {} });
    const id = await store(it, { messageType: "NEWER_MESSAGE" });
    await it.clock.advance(1_000_000);
    const delays = it.flaky.calls
      .filter(({ method }) => method === "release")
      .map(({ args: [releases] }) => (releases as { delay: number }[])[0]!.delay);
    expect(delays.slice(0, 7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(await it.flaky.engine.inspect.get([{ id }])).toMatchObject([{ state: "scheduled", attempt: 0 }]);
  });
});

describe("timeout", () => {
  it("aborts the signal; the throw that follows is retried as TIMEOUT", async () => {
    const { queue, start, settle, clock } = setup();
    const gate = new Gate();
    let reason: unknown;
    await start({
      SCAN: async ({ signal }) => {
        signal.addEventListener("abort", () => {
          reason = signal.reason;
        });
        await gate.wait(signal);
      },
    });
    const handle = await queue.send(scan, forward, { attempts: 2 });
    await settle();
    await clock.advance(60_000);
    expect(reason).toMatchObject({ code: "TIMEOUT" });
    expect(await queue.get(handle)).toMatchObject({ state: "scheduled", error: { code: "TIMEOUT" } });
    await clock.advance(120_000);
    expect(await queue.get(handle)).toMatchObject({ state: "failed", attempt: 2 });
  });

  it("ends the attempt of a handler that doesn't stop, and frees its slot", async () => {
    const { queue, start, settle, clock } = setup();
    const gate = new Gate();
    const worker = await start({ SCAN: () => gate.wait() }, { concurrency: 1 });
    const hung = await queue.send(scan, forward);
    const next = await queue.send(scan, forward);
    await settle();
    await clock.advance(60_000);
    expect((await queue.get(hung))?.state).toBe("active");
    await clock.advance(5_000);
    expect(await queue.get(hung)).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
    expect((await queue.get(next))?.state).toBe("active");

    gate.open();
    await settle();
    expect((await queue.get(hung))?.state).toBe("failed");
    expect(worker.stats()).toMatchObject({ completed: 1, failed: 1, lost: 0 });
  });

  it("still takes the result of a handler that finishes within the grace", async () => {
    const { queue, start, settle, clock } = setup();
    const gate = new Gate();
    await start({ SCAN: () => gate.wait() });
    const handle = await queue.send(scan, forward);
    await settle();
    await clock.advance(61_000);
    gate.open();
    await settle();
    expect((await queue.get(handle))?.state).toBe("completed");
    // The timer of the grace is gone with the attempt.
    await clock.advance(5_000);
    expect((await queue.get(handle))?.state).toBe("completed");
  });
});

describe("cancellation", () => {
  it("from this process reaches the handler at once; it ends cancelled when it throws", async () => {
    const { queue, start, settle } = setup();
    const gate = new Gate();
    let reason: unknown;
    await start({
      PLAN_CREATE: async ({ signal }) => {
        await gate.wait(signal).catch((error) => {
          reason = error;
          throw new Error("stopped half-way");
        });
        return planResult();
      },
    });
    const handle = await queue.send(planCreate, plan());
    await settle();
    expect(await queue.cancel(handle, { reason: "changed my mind" })).toBe("cancelling");
    await settle();
    expect(reason).toMatchObject({ code: "JOB_CANCELLED", message: "changed my mind" });
    expect(await queue.get(handle)).toMatchObject({
      state: "cancelled",
      error: {
        code: "JOB_CANCELLED",
        message: "changed my mind",
        stack: expect.stringMatching(
          /^QueueError: changed my mind\nCaused by: Error: stopped half-way\n +at /,
        ),
      },
    });
  });

  it("ends completed when the handler returns all the same", async () => {
    const { queue, start, settle } = setup();
    const gate = new Gate();
    await start({
      PLAN_CREATE: async () => {
        await gate.wait();
        return planResult();
      },
    });
    const handle = await queue.send(planCreate, plan());
    await settle();
    await queue.cancel(handle);
    gate.open();
    await settle();
    expect((await queue.get(handle))?.state).toBe("completed");
  });

  it("from another process reaches the handler with a heartbeat, with its reason", async () => {
    const { queue, flaky, start, settle, clock } = setup();
    const gate = new Gate();
    let reason: unknown;
    await start({
      PLAN_CREATE: async ({ signal }) => {
        await gate.wait(signal).catch((error) => {
          reason = error;
          throw error;
        });
        return planResult();
      },
    });
    const handle = await queue.send(planCreate, plan());
    await settle();
    await flaky.engine.operate.cancel([{ id: handle.id }], "cancelled over there");
    await settle();
    expect(reason).toBeUndefined();
    await clock.advance(10_000);
    expect(reason).toMatchObject({ code: "JOB_CANCELLED", message: "cancelled over there" });
    // No stack of the library's.
    expect((reason as Error).stack).toBe("QueueError: cancelled over there");
    const { state, error } = (await queue.get(handle))!;
    expect([state, error]).toEqual([
      "cancelled",
      { code: "JOB_CANCELLED", message: "cancelled over there", name: "QueueError" },
    ]);
    const { cause } = await rejection(queue.wait(handle));
    expect((cause as Error).stack).toBe("QueueError: cancelled over there");
  });

  it("of a job that is only prefetched keeps it from running", async () => {
    const { queue, start, settle } = setup();
    const gate = new Gate();
    const ran: string[] = [];
    const logger = new RecordingLogger();
    const worker = await start(
      {
        PLAN_CREATE: async ({ data }) => {
          ran.push(data.planId);
          if (data.planId !== "warm-up") await gate.wait();
          return planResult();
        },
      },
      { concurrency: 1, logger },
    );
    await queue.send(planCreate, plan("warm-up"));
    await settle();
    const first = await queue.send(planCreate, plan("first"));
    const second = await queue.send(planCreate, plan("second"));
    await settle();
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 1 });
    expect(await queue.cancel(second)).toBe("cancelling");
    gate.open();
    await settle();
    expect(ran).toEqual(["warm-up", "first"]);
    expect((await queue.get(first))?.state).toBe("completed");
    expect((await queue.get(second))?.state).toBe("cancelled");
    expect(logger.lines).toEqual([]);
  });
});
