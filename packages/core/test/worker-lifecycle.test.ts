import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  type Message,
  memoryEngine,
  type Queue,
  type Worker,
} from "../src/index.ts";
import { alterEngine, FakeClock } from "../src/testing/index.ts";
import {
  forward,
  Gate,
  phaseCreate,
  plan,
  planCreate,
  planResult,
  RecordingLogger,
  registry,
  rejection,
  scan,
  setup,
} from "./runtime-support.ts";

describe("a worker on an engine with nothing but its core", () => {
  it("runs jobs and stops", async () => {
    const { queue, clock } = setup({ without: ["inspect", "operate", "events", "queues", "workers"] });
    let resolve = () => {};
    const ran = new Promise<void>((settle) => {
      resolve = settle;
    });
    const worker = createWorker(queue).handle(planCreate, () => {
      resolve();
      return planResult();
    });
    await worker.start();
    await queue.send(planCreate, plan());
    await clock.advance(0);
    await ran;
    await worker.stop();
  });
});

describe("a worker's handlers", () => {
  it("are one a message, of the registry, added before the start", async () => {
    const { queue, logger } = setup();
    const worker = createWorker(queue, { logger }).handle(planCreate, () => planResult());
    expect(() => worker.handle(planCreate, () => planResult())).toThrow(/PLAN_CREATE has a handler/);
    expect(() => worker.handle({ name: "STRANGER" } as never, () => planResult() as never)).toThrow(
      /"STRANGER" isn't in/,
    );
    expect(() => worker.handle(scan, "no function" as never)).toThrow(/must be a function/);
    await worker.start();
    expect(() => worker.handle(scan, () => {})).toThrow(/Add handlers before that/);
    await worker.stop();
  });

  it("can be given all at once, and then must be complete", async () => {
    const { queue, logger } = setup();
    const worker = createWorker(queue, { logger }).handle(planCreate, () => planResult());
    expect(() => worker.handleAll({ SCAN: () => {} } as never)).toThrow(/no handler for PHASE_CREATE/);
    const complete = createWorker(queue, { logger }).handleAll({
      PLAN_CREATE: ({ data }) => planResult(data.planId),
      PHASE_CREATE: () => {},
      SCAN: async () => {},
    });
    await complete.start();
    expect(logger.lines).toEqual([]);
    await complete.stop();
  });

  it("that are for a queue it doesn't serve are warned of", async () => {
    const { queue, logger } = setup();
    const worker = createWorker(queue, { logger, queues: ["phases"] }).handle(planCreate, () => planResult());
    await worker.start();
    expect(logger.lines).toEqual([expect.stringContaining("handles PLAN_CREATE but doesn't serve")]);
    await worker.stop();
  });

  it("that no live worker has for its queues are warned of, once other workers had time to start", async () => {
    const { queue, logger, clock } = setup();
    const queues = ["plans", "phases", "default"];
    const worker = createWorker(queue, { logger, queues }).handle(planCreate, () => planResult());
    await worker.start();
    const other = createWorker(queue, { logger, queues }).handle(scan, () => {});
    await other.start();
    await clock.advance(9_000);
    expect(logger.lines).toEqual([]);
    await clock.advance(1_000);
    expect(logger.lines).toEqual([
      "warn: No live worker of plans, phases, default handles PHASE_CREATE. Those jobs stay queued for a worker that " +
        "handles them.",
    ]);
    await Promise.all([worker.stop(), other.stop()]);
  });

  it("that it lacks for its queues are warned of at once where the engine keeps no list of workers", async () => {
    const clock = new FakeClock();
    const engine = alterEngine(memoryEngine({ clock }), { workers: null });
    const [queue, logger] = [createQueue({ registry, engine, clock }), new RecordingLogger()];
    const worker = createWorker(queue, { logger, queues: ["phases"] }).handle(phaseCreate, () => {});
    await worker.start();
    const lacking = createWorker(queue, { logger, queues: ["phases", "plans"] }).handle(
      phaseCreate,
      () => {},
    );
    await lacking.start();
    expect(logger.lines).toEqual([
      expect.stringContaining("serves phases, plans without a handler for PLAN_CREATE."),
    ]);
    await Promise.all([worker.stop(), lacking.stop()]);
    await queue.close();
  });
});

describe("start", () => {
  it("does nothing twice, needs handlers, and is over after stop", async () => {
    const { queue, flaky, logger } = setup();
    expect(await rejection(createWorker(queue).start())).toMatchObject({ code: "INVALID_OPTIONS" });
    const worker = createWorker(queue, { logger }).handle(planCreate, () => planResult());
    expect(worker.stats().state).toBe("new");
    await Promise.all([worker.start(), worker.start()]);
    expect(worker.stats().state).toBe("running");
    expect(flaky.count("recover")).toBe(1);
    await worker.stop();
    expect(await rejection(worker.start())).toMatchObject({ code: "CLOSED" });
  });

  it("refuses options out of bounds, by name", () => {
    const { queue } = setup();
    const cases: [object, RegExp][] = [
      [{ concurrency: 0 }, /concurrency/],
      [{ concurency: 1 }, /unknown option "concurency"/],
      [{ lease: "10ms" }, /lease/],
      [{ pollInterval: "1h" }, /pollInterval/],
      [{ prefetch: -1 }, /prefetch/],
      [{ queues: [] }, /queues/],
      [{ logger: {} }, /logger/],
    ];
    for (const [options, message] of cases) expect(() => createWorker(queue, options)).toThrow(message);
  });

  it("finds what was sent before", async () => {
    const { queue, start, settle } = setup();
    const handle = await queue.send(planCreate, plan());
    await start({ PLAN_CREATE: () => planResult() });
    await settle();
    expect((await queue.get(handle))?.state).toBe("completed");
  });

  it("runs at most `concurrency` handlers at a time", async () => {
    const { queue, start, settle } = setup();
    const gate = new Gate();
    const worker = await start({ SCAN: () => gate.wait() }, { concurrency: 3 });
    for (let n = 0; n < 10; n++) await queue.send(scan, forward);
    await settle();
    expect(gate.entered).toBe(3);
    gate.open();
    await settle();
    expect(gate.entered).toBe(6);
    expect(worker.stats().completed).toBe(3);
  });
});

describe("stop", () => {
  it("waits for what runs, gives back at once what hasn't begun, and claims no more", async () => {
    const { queue, start, settle } = setup();
    const gate = new Gate();
    const worker = await start(
      {
        PLAN_CREATE: async ({ data }) => {
          if (data.planId !== "warm-up") await gate.wait();
          return planResult();
        },
      },
      { concurrency: 1 },
    );
    await queue.send(planCreate, plan("warm-up"));
    await settle();
    const running = await queue.send(planCreate, plan("running"));
    const waiting = await queue.send(planCreate, plan("waiting"));
    await settle();
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 1 });

    let isStopped = false;
    const stopping = worker.stop().then(() => {
      isStopped = true;
    });
    await settle();
    expect(await queue.get(waiting)).toMatchObject({ state: "queued", attempt: 0 });
    expect([worker.stats().state, isStopped]).toEqual(["stopping", false]);
    const late = await queue.send(planCreate, plan("late"));
    gate.open();
    await stopping;
    expect((await queue.get(running))?.state).toBe("completed");
    expect((await queue.get(late))?.state).toBe("queued");
    expect(worker.stats()).toMatchObject({ state: "stopped", completed: 2, released: 1, running: 0 });
  });

  it("aborts what runs too long with SHUTDOWN, and gives it back without counting the attempt", async () => {
    const { queue, start, settle, clock } = setup();
    const gate = new Gate();
    let reason: unknown;
    const worker = await start({
      SCAN: async ({ signal }) => {
        await gate.wait(signal).catch((error) => {
          reason = error;
          throw error;
        });
      },
    });
    const handle = await queue.send(scan, forward);
    await settle();
    const stopping = worker.stop({ timeout: "10s" });
    await clock.advance(9_999);
    expect(reason).toBeUndefined();
    await clock.advance(1);
    await stopping;
    expect(reason).toMatchObject({ code: "SHUTDOWN" });
    expect(await queue.get(handle)).toMatchObject({ state: "queued", attempt: 0, failures: [] });
  });

  it("still takes the result of a handler that finishes on its signal", async () => {
    const { queue, start, settle, clock } = setup();
    const gate = new Gate();
    const worker = await start({
      PLAN_CREATE: async ({ signal }) => {
        await gate.wait(signal).catch(() => {});
        return planResult();
      },
    });
    const handle = await queue.send(planCreate, plan());
    await settle();
    const stopping = worker.stop({ timeout: 0 });
    await clock.advance(0);
    await stopping;
    expect((await queue.get(handle))?.state).toBe("completed");
  });

  it("gives back what ignores its signal, and what that does later counts for nothing", async () => {
    const { queue, start, settle, clock } = setup();
    const gate = new Gate();
    const worker = await start({ SCAN: () => gate.wait() });
    const handle = await queue.send(scan, forward);
    await settle();
    const stopping = worker.stop({ timeout: "1s" });
    await clock.advance(5_000);
    await stopping;
    expect((await queue.get(handle))?.state).toBe("queued");
    gate.open();
    await settle();
    expect((await queue.get(handle))?.state).toBe("queued");
  });

  it("gives back what a claim under way brings in", async () => {
    const { queue, flaky, start, settle } = setup();
    const worker = await start({ PLAN_CREATE: () => planResult() });
    await settle();
    flaky.hang("claim");
    const handle = await queue.send(planCreate, plan());
    await settle();
    const stopping = worker.stop();
    await settle();
    flaky.mend();
    await stopping;
    expect(await queue.get(handle)).toMatchObject({ state: "queued", attempt: 0 });
  });

  it("doesn't hang on an engine that is away", async () => {
    const { queue, flaky, start, settle, clock } = setup();
    const worker = await start({ PLAN_CREATE: () => planResult() });
    await settle();
    flaky.fail("settle", "release");
    const { id } = await queue.send(planCreate, plan());
    await settle();
    const stopping = worker.stop({ timeout: "10s" });
    await clock.advance(20_000);
    expect(await stopping).toEqual({ unsettled: [id] });
    expect(worker.stats().state).toBe("stopped");
  });

  it("keeps leases alive while it waits", async () => {
    const { queue, start, settle, clock } = setup();
    const gate = new Gate();
    const worker = await start({ PLAN_CREATE: () => gate.wait().then(() => planResult()) });
    const handle = await queue.send(planCreate, plan());
    await settle();
    const stopping = worker.stop({ timeout: "5m" });
    await clock.advance(120_000);
    gate.open();
    await stopping;
    expect(await queue.get(handle)).toMatchObject({ state: "completed", stalls: 0 });
  });

  it("leaves no timer behind, can be repeated, and ends a scope", async () => {
    const { queue, start, settle, clock } = setup();
    const worker = await start({ PLAN_CREATE: () => planResult() });
    await queue.send(planCreate, plan());
    await settle();
    expect(await Promise.all([worker.stop(), worker.stop()])).toEqual([{ unsettled: [] }, { unsettled: [] }]);
    await worker[Symbol.asyncDispose]();
    expect(clock.nextTimer).toBeUndefined();

    const never: Worker<Message> = createWorker(queue as Queue<Message>);
    await never.stop();
    expect(never.stats().state).toBe("stopped");
  });
});

describe("idle", () => {
  it("resolves when every outcome has been told to the engine", async () => {
    const { queue, start, settle } = setup();
    const gate = new Gate();
    const worker = await start({ SCAN: () => gate.wait() });
    await settle();
    await worker.idle();
    const handle = await queue.send(scan, forward);
    await settle();
    const idle = worker.idle();
    gate.open();
    await idle;
    expect((await queue.get(handle))?.state).toBe("completed");
  });

  it("gives handlers' jobs an account of the worker", async () => {
    const { queue, start, settle, clock } = setup();
    const logger = new RecordingLogger();
    const worker = await start({ SCAN: () => {} }, { logger });
    await queue.send(scan, forward);
    await settle();
    expect(worker.stats()).toEqual({
      state: "running",
      running: 0,
      buffered: 0,
      completed: 1,
      failed: 0,
      retried: 0,
      cancelled: 0,
      released: 0,
      lost: 0,
      lastClaimAt: new Date(clock.now()),
    });
  });
});

describe("a job whose data an asynchronous schema still reads", () => {
  function slowlyRead() {
    const clock = new FakeClock();
    const reading = new Gate<boolean>();
    let isSent = false;
    const slow = defineMessage("SLOW", {
      data: z.object({ n: z.int() }).refine(() => (isSent ? reading.wait() : Promise.resolve(true))),
      timeout: "1h",
    });
    const queue = createQueue({ registry: createRegistry([slow]), clock });
    let calls = 0;
    const worker = createWorker(queue, { logger: new RecordingLogger() }).handle(slow, () => void calls++);
    return {
      clock,
      queue,
      worker,
      reading,
      calls: () => calls,
      async run() {
        const handle = await queue.send(slow, { n: 1 });
        isSent = true;
        await worker.start();
        await clock.advance(0);
        expect(worker.stats().running).toBe(1);
        return handle;
      },
    };
  }

  it("isn't begun once it was cancelled", async () => {
    const { clock, queue, worker, reading, calls, run } = slowlyRead();
    const handle = await run();
    expect(await queue.cancel(handle, { reason: "changed my mind" })).toBe("cancelling");
    reading.open(true);
    await clock.advance(0);
    expect(calls()).toBe(0);
    expect(worker.stats()).toMatchObject({ cancelled: 1, running: 0 });
  });

  it("isn't begun once it was given back, and leaves no timer", async () => {
    const { clock, worker, reading, calls, run } = slowlyRead();
    await run();
    const stopped = worker.stop({ timeout: 0 });
    await clock.advance(5_000);
    await stopped;
    expect(worker.stats()).toMatchObject({ released: 1, running: 0 });
    reading.open(true);
    await clock.advance(0);
    expect(calls()).toBe(0);
    expect(clock.nextTimer).toBeUndefined();
  });
});

describe("a cancellation that a heartbeat tells of", () => {
  it("reaches the handler even when its reason can't be read", async () => {
    const { clock, queue, flaky, start, settle } = setup();
    const gate = new Gate();
    const reasons: unknown[] = [];
    await start({
      SCAN: async ({ signal }) => {
        signal.addEventListener("abort", () => reasons.push(signal.reason));
        await gate.wait(signal);
      },
    });
    const handle = await queue.send(scan, forward);
    await settle();
    await flaky.engine.operate.cancel([{ id: handle.id }], "from elsewhere");
    flaky.hang("get");
    await clock.advance(11_000);
    expect(reasons).toMatchObject([{ code: "JOB_CANCELLED" }]);
  });
});

describe("an engine that", () => {
  it("never answers leaves nothing behind once the worker stopped", async () => {
    const { clock, queue, flaky, start, settle, logger } = setup();
    flaky.hang("recover", "settle");
    const worker = await start({ PLAN_CREATE: () => planResult() }, { lease: "1h" });
    await queue.send(planCreate, plan());
    await settle();
    const idle = worker.idle();
    const stopped = worker.stop({ timeout: 0 });
    await clock.advance(5_000);
    await stopped;
    await idle;
    await worker.idle();
    expect(clock.nextTimer).toBeUndefined();
    expect(logger.lines).toEqual([]);
  });

  it("was closed stops the worker, with one line", async () => {
    const clock = new FakeClock();
    const queue = createQueue({ registry, clock });
    const logger = new RecordingLogger();
    const gate = new Gate();
    const reasons: unknown[] = [];
    const worker = createWorker(queue, { logger }).handle(scan, async ({ signal }) => {
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      await gate.wait(signal);
    });
    await worker.start();
    await queue.send(scan, forward);
    await clock.advance(0);
    await queue.close();
    await clock.advance(15_000);
    expect(worker.stats()).toMatchObject({ state: "stopped", running: 0 });
    expect(reasons).toMatchObject([{ code: "SHUTDOWN" }]);
    expect(logger.lines).toEqual([expect.stringContaining("The engine was closed, so the worker stops.")]);
    expect(clock.nextTimer).toBeUndefined();
    await worker.stop();
  });

  it("was closed under an idle worker stops that too", async () => {
    const clock = new FakeClock();
    const queue = createQueue({ registry, clock });
    const logger = new RecordingLogger();
    const worker = createWorker(queue, { logger }).handle(scan, () => {});
    await worker.start();
    await clock.advance(0);
    await queue.close();
    await clock.advance(15_000);
    expect(worker.stats().state).toBe("stopped");
    expect(logger.lines).toHaveLength(1);
    expect(clock.nextTimer).toBeUndefined();
  });
});

describe("a worker's mistaken calls", () => {
  it("are told in words", async () => {
    const { queue, logger } = setup();
    const wrong = createWorker as (...args: unknown[]) => unknown;
    for (const args of [[], [{ queue }], [null]]) {
      expect(() => wrong(...args)).toThrow(/expected a queue \(createQueue\) as the first argument/);
    }
    const worker = createWorker(queue, { logger });
    expect(() => worker.handle("SCAN" as never, (() => {}) as never)).toThrow(
      /expected a message .*, got a string/,
    );
    expect(() => worker.handleAll(undefined as never)).toThrow(/expected an object of handlers/);
    const error = await rejection(worker.stop({ timeout: "soon" as never }));
    expect(error).toMatchObject({ code: "INVALID_OPTIONS" });
    expect(worker.stats().state).toBe("new");
  });
});
