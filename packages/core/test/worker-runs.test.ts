import { describe, expect, it } from "vitest";
import * as z from "zod";
import type { AttemptOutcome, ClaimRequest, SettleRequest } from "../src/engine/core.ts";
import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  type HandlerContext,
  memoryEngine,
  UnrecoverableError,
  type WorkerOptions,
} from "../src/index.ts";
import { FakeClock } from "../src/testing/index.ts";
import { FlakyEngine, Gate, RecordingLogger } from "./runtime-support.ts";

const step = defineMessage("STEP", {
  data: z.object({ key: z.string(), n: z.int() }),
  orderingKey: ({ key }) => key,
  retry: { attempts: 2, backoff: { type: "fixed", delay: "1s" } },
});
/** A failure of it keeps its key. */
const strictStep = defineMessage("STRICT_STEP", {
  data: z.object({ key: z.string(), n: z.int() }),
  orderingKey: ({ key }) => key,
  onOrderingFailure: "hold",
  retry: { attempts: 1 },
});
const registry = createRegistry([step, strictStep]);
type Step = typeof step | typeof strictStep;

/** A queue, and workers whose handlers note what they run and do what the test says. */
function stage() {
  const clock = new FakeClock();
  const flaky = new FlakyEngine(memoryEngine({ clock }));
  const queue = createQueue({ registry, engine: flaky.engine, clock });
  const ran: string[] = [];
  const behaviour = new Map<string, (context: HandlerContext<Step>) => unknown>();
  const settle = async () => {
    await clock.advance(0);
    await clock.advance(0);
  };
  const send = (message: Step, key: string, ...numbers: readonly number[]) =>
    Promise.all(numbers.map((n) => queue.send(message, { key, n })));
  return {
    clock,
    flaky,
    queue,
    ran,
    settle,
    send,
    /** What the job of a key and number does, instead of nothing. */
    when(name: string, behave: (context: HandlerContext<Step>) => unknown) {
      behaviour.set(name, behave);
    },
    /** Starts a worker. Once `isWarm`, it knows that its handlers are fast, and claims runs. */
    async start(options: WorkerOptions = {}, isWarm = true) {
      const handle = async (context: HandlerContext<Step>) => {
        const name = `${context.data.key}${context.data.n}`;
        ran.push(name);
        await behaviour.get(name)?.(context);
      };
      const worker = createWorker(queue, { logger: new RecordingLogger(), ...options })
        .handle(step, handle)
        .handle(strictStep, handle);
      await worker.start();
      if (isWarm) {
        await send(step, "warm-up", 0);
        await settle();
        ran.length = 0;
      }
      return worker;
    },
    async states(handles: readonly { readonly id: string }[]) {
      return Promise.all(handles.map(async ({ id }) => (await queue.get(id))?.state));
    },
  };
}

function claims({ calls }: FlakyEngine): readonly ClaimRequest[] {
  return calls.flatMap(({ method, args }) => {
    if (method === "claim") return [args[0] as ClaimRequest];
    return method === "settle" ? ((args[0] as SettleRequest).claim ?? []) : [];
  });
}

function outcomes({ calls }: FlakyEngine): readonly AttemptOutcome[] {
  return calls.flatMap(({ method, args }) =>
    method === "settle" ? (args[0] as SettleRequest).outcomes : [],
  );
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe("a run of one ordering key", () => {
  it("is asked for once handlers turn out to be fast", async () => {
    const { flaky, start } = stage();
    await start();
    const runs = claims(flaky).map(({ run }) => run);
    expect(runs[0]).toBe(undefined);
    expect(runs.at(-1)).toBe(100);
  });

  it("is never asked for without prefetch", async () => {
    const { flaky, start, send, ran, settle } = stage();
    await start({ prefetch: 0 });
    await send(step, "a", ...upTo(5));
    await settle();
    expect(claims(flaky).every(({ run }) => run === undefined)).toBe(true);
    expect(ran).toEqual(["a1", "a2", "a3", "a4", "a5"]);
  });

  it("takes a hundred jobs in a call, in their order", async () => {
    const { flaky, start, send, ran, settle } = stage();
    const worker = await start();
    const before = flaky.count("settle");
    await send(step, "a", ...upTo(250));
    await settle();
    expect(ran).toEqual(upTo(250).map((n) => `a${n}`));
    expect(worker.stats()).toMatchObject({ completed: 251, lost: 0, released: 0 });
    expect(flaky.count("settle") - before).toBe(3);
  });

  it("runs one job at a time, the next before the engine has heard of the last", async () => {
    const { flaky, start, send, when, ran, settle } = stage();
    const gate = new Gate();
    for (const n of [1, 2, 3]) when(`a${n}`, () => gate.wait());
    const worker = await start();
    const handles = await send(step, "a", 1, 2, 3);
    await settle();
    expect(ran).toEqual(["a1"]);
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 2 });
    flaky.hang("settle");
    gate.open();
    await settle();
    gate.open();
    await settle();
    expect(ran).toEqual(["a1", "a2", "a3"]);
    gate.open();
    await settle();
    flaky.mend();
    await settle();
    expect(worker.stats()).toMatchObject({ completed: 4, lost: 0 });
    for (const { id } of handles)
      expect(outcomes(flaky).filter((outcome) => outcome.id === id)).toHaveLength(1);
  });

  it("leaves the slots to jobs that can run", async () => {
    const { start, send, when, settle, clock } = stage();
    const gate = new Gate();
    for (const key of ["a", "b", "c", "d"]) when(`${key}1`, () => gate.wait());
    const worker = await start({ concurrency: 3, prefetch: 4 });
    await Promise.all([send(step, "a", ...upTo(20)), send(step, "b", ...upTo(20))]);
    await settle();
    expect(worker.stats()).toMatchObject({ running: 2, buffered: 4 });
    await send(step, "c", 1);
    await send(step, "d", 1);
    await settle();
    expect(worker.stats().running).toBe(3);
    gate.open();
    await clock.advance(1_000);
    gate.open();
    await settle();
    expect(worker.stats().completed).toBe(43);
  });
});

describe("a run is broken off", () => {
  it("when a job is to be retried: the others keep their places", async () => {
    const { start, send, when, ran, states, settle, clock, queue } = stage();
    let attempts = 0;
    when("a2", () => {
      if (++attempts === 1) throw new Error("try again");
    });
    await start();
    const handles = await send(step, "a", 1, 2, 3, 4);
    await settle();
    expect(ran).toEqual(["a1", "a2"]);
    expect(await states(handles)).toEqual(["completed", "scheduled", "blocked", "blocked"]);
    await clock.advance(1_000);
    expect(ran).toEqual(["a1", "a2", "a2", "a3", "a4"]);
    expect((await queue.get(handles[2]!))?.attempt).toBe(1);
  });

  it("when a job fails and holds its key", async () => {
    const { start, send, when, ran, states, settle, clock } = stage();
    when("a2", () => {
      throw new UnrecoverableError("no way on");
    });
    const worker = await start();
    const handles = await send(strictStep, "a", 1, 2, 3, 4);
    await settle();
    await clock.advance(60_000);
    expect(ran).toEqual(["a1", "a2"]);
    expect(await states(handles)).toEqual(["completed", "failed", "blocked", "blocked"]);
    expect(worker.stats()).toMatchObject({ buffered: 0, failed: 1, lost: 0 });
  });

  it("not when a job fails and lets the next one run", async () => {
    const { start, send, when, ran, states, settle } = stage();
    when("a2", () => {
      throw new UnrecoverableError("no way on");
    });
    const worker = await start();
    const handles = await send(step, "a", 1, 2, 3);
    await settle();
    expect(ran).toEqual(["a1", "a2", "a3"]);
    expect(await states(handles)).toEqual(["completed", "failed", "completed"]);
    expect(worker.stats()).toMatchObject({ released: 0, lost: 0 });
  });

  it("when its lease is lost: nothing of it begins", async () => {
    const { flaky, start, send, when, ran, settle, clock } = stage();
    const gate = new Gate();
    when("a1", () => gate.wait());
    const worker = await start();
    await send(step, "a", 1, 2, 3);
    await settle();
    flaky.fail("extend", "recover", "release");
    await clock.advance(30_000);
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 0 });
    gate.open();
    await settle();
    expect(ran).toEqual(["a1"]);
    flaky.mend();
    await clock.advance(40_000);
    gate.open();
    await settle();
    expect(ran).toEqual(["a1", "a1", "a2", "a3"]);
    expect(worker.stats()).toMatchObject({ completed: 4 });
  });

  it("when its first job is slow: what follows is given back, whatever else runs", async () => {
    const { start, send, when, ran, settle, clock, queue } = stage();
    const gate = new Gate();
    when("a1", () => gate.wait());
    const worker = await start();
    const [, second] = await send(step, "a", 1, 2, 3);
    await settle();
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 2 });
    for (let n = 1; n <= 5; n++) {
      await clock.advance(50);
      await send(step, "b", n);
      await settle();
    }
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 0, released: 2 });
    await queue.cancel(second!);
    expect((await queue.get(second!))?.state).toBe("cancelled");
    gate.open();
    await settle();
    expect(ran.filter((name) => name.startsWith("a"))).toEqual(["a1", "a3"]);
  });

  it("when its first job is slow: nothing else is held ready until it has ended", async () => {
    const { start, send, when, settle, clock, ran } = stage();
    const gate = new Gate();
    when("a1", () => gate.wait());
    const worker = await start({ concurrency: 1 });
    await send(step, "a", 1, 2);
    await clock.advance(250);
    await send(step, "b", 1);
    await settle();
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 0, released: 1 });
    gate.open();
    await settle();
    expect(ran.toSorted()).toEqual(["a1", "a2", "b1"]);
  });

  it("when the jobs ahead of it are slow: it is given back with them, whole", async () => {
    const { start, send, when, ran, settle, clock } = stage();
    const gate = new Gate();
    when("slow1", () => gate.wait());
    const worker = await start({ concurrency: 1 });
    await Promise.all([send(step, "slow", 1), send(step, "a", 1, 2, 3)]);
    await settle();
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 3 });
    await clock.advance(250);
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 0, released: 3 });
    gate.open();
    await settle();
    expect(ran).toEqual(["slow1", "a1", "a2", "a3"]);
  });

  it("when a job in the middle is lost: those ahead of it run, and the rest when it is claimed again", async () => {
    const { flaky, start, send, when, ran, settle, clock } = stage();
    for (const n of upTo(8)) when(`a${n}`, () => new Promise<void>((done) => clock.after(100, done)));
    const worker = await start({ lease: "1s" });
    const handles = await send(step, "a", ...upTo(8));
    await settle();
    await flaky.engine.core.release([{ ...flaky.leaseOf(handles[5]!.id), delay: 0, bounce: false }]);
    await clock.advance(1_000);
    await worker.idle();
    expect(ran).toEqual(upTo(8).map((n) => `a${n}`));
    expect(worker.stats()).toMatchObject({ completed: 9, lost: 1, released: 2, buffered: 0 });
  });

  it("when the worker stops: what hasn't begun is given back at once", async () => {
    const { start, send, when, ran, states, settle } = stage();
    const gate = new Gate();
    when("a1", () => gate.wait());
    const worker = await start();
    const handles = await send(step, "a", 1, 2, 3);
    await settle();
    const stopping = worker.stop();
    await settle();
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 0, released: 2 });
    gate.open();
    await stopping;
    expect(ran).toEqual(["a1"]);
    expect(await states(handles)).toEqual(["completed", "queued", "blocked"]);
  });

  it("when the engine voids it: what the worker does meanwhile is refused, and done again in order", async () => {
    const { flaky, start, send, when, ran, settle } = stage();
    const gate = new Gate();
    when("a1", () => gate.wait());
    const worker = await start();
    await send(step, "a", 1, 2, 3);
    await settle();
    const [head] = (
      await flaky.engine.inspect.list({ filter: { states: ["active"] }, fields: "summary", limit: 1 })
    ).jobs;
    await flaky.engine.core.release([{ ...flaky.leaseOf(head!.id), delay: 0, bounce: false }]);
    gate.open();
    await settle();
    gate.open();
    await settle();
    expect(ran).toEqual(["a1", "a2", "a3", "a1", "a2", "a3"]);
    expect(worker.stats()).toMatchObject({ completed: 4, lost: 3 });
  });
});

describe("cancelling a job of a run", () => {
  it("ends it unrun, and lets the one behind it run", async () => {
    const { start, send, when, ran, states, settle, queue } = stage();
    const gate = new Gate();
    when("a1", () => gate.wait());
    await start();
    const handles = await send(step, "a", 1, 2, 3);
    await settle();
    await queue.cancel(handles[1]!, { reason: "changed my mind" });
    gate.open();
    await settle();
    expect(ran).toEqual(["a1", "a3"]);
    expect(await states(handles)).toEqual(["completed", "cancelled", "completed"]);
    expect((await queue.get(handles[1]!))?.error?.message).toBe("changed my mind");
  });

  it("reaches a worker with its heartbeat", async () => {
    const { flaky, start, send, when, ran, states, settle, clock } = stage();
    for (const n of upTo(5)) when(`a${n}`, () => new Promise<void>((done) => clock.after(100, done)));
    await start({ lease: "1s" });
    const handles = await send(step, "a", ...upTo(6));
    await settle();
    expect(await flaky.engine.operate.cancel([{ id: handles[4]!.id }], "stop")).toEqual(["cancelling"]);
    await clock.advance(500);
    expect(ran).toEqual(["a1", "a2", "a3", "a4", "a6"]);
    expect((await states(handles)).slice(4)).toEqual(["cancelled", "completed"]);
  });
});

describe("sharing", () => {
  it("two workers share slow jobs of a few keys, although handlers were fast before", async () => {
    const { start, send, when, settle, clock, queue } = stage();
    const workers = [await start({ concurrency: 1 }), await start({ concurrency: 1 }, false)];
    const keys = ["a", "b", "c", "d"];
    for (const key of keys) {
      for (const n of upTo(5))
        when(`${key}${n}`, () => new Promise<void>((done) => clock.after(1_000, done)));
    }
    const handles = (await Promise.all(keys.map((key) => send(step, key, ...upTo(5))))).flat();
    await settle();
    // The first worker claims them all, and gives back what it can't begin.
    await clock.advance(250);
    await clock.advance(10_000);
    expect(workers.map((worker) => worker.stats().completed)).toEqual([11, 10]);
    for (const handle of handles) expect((await queue.get(handle))?.attempt).toBe(1);
  });
});
