import { describe, expect, it } from "vitest";
import type { ClaimedJob, SettleRequest } from "../src/engine/core.ts";
import type { Engine } from "../src/engine/engine.ts";
import { memoryEngine, QueueError } from "../src/index.ts";
import {
  claimLimits,
  Gate,
  type Overrides,
  phaseCreate,
  plan,
  planCreate,
  planResult,
  setup,
} from "./runtime-support.ts";

/** Overrides that make the stage's engine this one. */
function sharing(inner: Engine): Overrides {
  return {
    enqueue: (batches) => inner.core.enqueue(batches),
    claim: (request) => inner.core.claim(request),
    recover: () => inner.core.recover(),
    waitForWork: (request) => inner.core.waitForWork(request),
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("claims ahead", () => {
  const many = (count: number) =>
    Array.from({ length: count }, () => ({ message: planCreate, data: plan() }));

  it("are sent before what the last one claimed begins, while there is more to be had", async () => {
    const { queue, flaky, start, settle } = setup();
    const begun: { jobs: number; claims: number }[] = [];
    const worker = await start(
      {
        PLAN_CREATE: () => {
          begun.push({ jobs: begun.length, claims: claimLimits(flaky).length });
          return planResult();
        },
      },
      { concurrency: 2, prefetch: 8 },
    );
    await queue.send(planCreate, plan());
    await settle();
    const before = claimLimits(flaky).length;
    begun.length = 0;
    await queue.sendMany(many(100));
    await settle();
    await settle();
    expect(worker.stats()).toMatchObject({ completed: 101, lost: 0, released: 0, buffered: 0 });
    // One claim handed out the first job, and the next was under way by then.
    expect(begun[0]).toEqual({ jobs: 0, claims: before + 2 });
  });

  it("carry the outcomes that came in meanwhile, and are under way together only when large", async () => {
    let underway = 0;
    let mostUnderway = 0;
    const together: SettleRequest[] = [];
    const settled: number[] = [];
    const inner = memoryEngine();
    const { queue, start } = setup({
      ...sharing(inner),
      async settle(request) {
        if (underway > 0) together.push(request);
        mostUnderway = Math.max(mostUnderway, ++underway);
        settled.push(request.outcomes.length);
        for (let n = 0; n < 3; n++) await turn();
        underway--;
        return inner.core.settle(request);
      },
    });
    await queue.sendMany(many(2_000));
    const worker = await start({ PLAN_CREATE: () => planResult() }, { concurrency: 10, prefetch: 90 });
    while (worker.stats().completed < 2_000) await turn();
    await worker.stop();
    expect(settled.reduce((sum, count) => sum + count)).toBe(2_000);
    expect(Math.max(...settled)).toBeLessThanOrEqual(100);
    expect(mostUnderway).toBeGreaterThan(1);
    expect(mostUnderway).toBeLessThanOrEqual(4);
    const small = together.filter(({ outcomes, claim }) => outcomes.length < 25 && (claim?.limit ?? 0) < 50);
    expect(small).toEqual([]);
  });

  it("don't count on each other: the outcomes of one that fails are told again", async () => {
    const inner = memoryEngine();
    let calls = 0;
    let underway = 0;
    let mostUnderway = 0;
    const { queue, start, clock } = setup({
      ...sharing(inner),
      async settle(request) {
        const isCut = ++calls % 3 === 0;
        mostUnderway = Math.max(mostUnderway, ++underway);
        for (let n = 0; n < 3; n++) await turn();
        underway--;
        if (isCut) throw new QueueError("ENGINE_UNAVAILABLE", "connection lost");
        return inner.core.settle(request);
      },
    });
    await queue.sendMany(many(500));
    const worker = await start({ PLAN_CREATE: () => planResult() }, { concurrency: 10, prefetch: 90 });
    while (worker.stats().completed < 500) {
      await turn();
      await clock.advance(10);
    }
    await worker.idle();
    expect(worker.stats()).toMatchObject({ completed: 500, lost: 0, running: 0, buffered: 0 });
    expect(mostUnderway).toBeGreaterThan(1);
  });

  it("that fail together are one failure: the worker tries again after the first pause", async () => {
    const inner = memoryEngine();
    const lost = new Gate<never>();
    let calls = 0;
    let isCut = true;
    const { queue, start, clock } = setup({
      ...sharing(inner),
      settle: (request) => (++calls > 3 && isCut ? lost.wait() : inner.core.settle(request)),
    });
    await queue.sendMany(many(2_000));
    const worker = await start({ PLAN_CREATE: () => planResult() }, { concurrency: 10, prefetch: 90 });
    while (lost.entered < 2) await turn();
    isCut = false;
    lost.break(new QueueError("ENGINE_UNAVAILABLE", "connection lost"));
    await turn();
    await clock.advance(100);
    while (worker.stats().completed < 2_000) await turn();
    expect(worker.stats().lost).toBe(0);
  });

  it("never tell of a job while the end of the one that it follows in a run is under way", async () => {
    const inner = memoryEngine();
    const ahead = new Map<string, string | undefined>();
    const underway = new Set<string>();
    const early: string[] = [];
    const note = (claimed: readonly ClaimedJob[]) => {
      for (const { id, follows } of claimed) ahead.set(id, follows);
    };
    const { queue, start } = setup({
      ...sharing(inner),
      claim: async (request) => {
        const reply = await inner.core.claim(request);
        note(reply.jobs);
        return reply;
      },
      async settle(request) {
        const ids = request.outcomes.map(({ id }) => id);
        early.push(...ids.filter((id) => underway.has(ahead.get(id) ?? "")));
        for (const id of ids) underway.add(id);
        // Long enough for many more of a run to end.
        for (let n = 0; n < 100; n++) await turn();
        for (const id of ids) underway.delete(id);
        const reply = await inner.core.settle(request);
        note(reply.claimed);
        return reply;
      },
    });
    await queue.sendMany(
      Array.from({ length: 200 }, (_, index) => ({ message: phaseCreate, data: { planId: "p1", index } })),
    );
    const worker = await start({ PHASE_CREATE: () => turn() }, { concurrency: 10, prefetch: 90 });
    while (worker.stats().completed < 200) await turn();
    await worker.stop();
    expect([...ahead.values()].filter((id) => id !== undefined).length).toBeGreaterThan(100);
    expect(early).toEqual([]);
    expect(worker.stats()).toMatchObject({ completed: 200, lost: 0 });
  });

  it("ask for no more than half of what may be held or 128, and never for less than the free slots", async () => {
    const { queue, flaky, start, settle } = setup();
    await start({ PLAN_CREATE: () => planResult() }, { concurrency: 10, prefetch: 90 });
    await queue.sendMany(many(300));
    for (let n = 0; n < 4; n++) await settle();
    const [first, ...others] = claimLimits(flaky);
    expect(first).toBe(10);
    expect(Math.max(...others)).toBe(50);

    const large = setup();
    await large.start({ PLAN_CREATE: () => planResult() }, { concurrency: 10, prefetch: 990 });
    await large.queue.sendMany(many(2_000));
    for (let n = 0; n < 4; n++) await large.settle();
    expect(Math.max(...claimLimits(large.flaky))).toBe(128);

    const wide = setup();
    await wide.start({ PLAN_CREATE: () => planResult() }, { concurrency: 20, prefetch: 4 });
    await wide.queue.sendMany(many(100));
    for (let n = 0; n < 4; n++) await wide.settle();
    expect(Math.max(...claimLimits(wide.flaky))).toBe(20);
  });

  it("hold no more than the concurrency and the prefetch together", async () => {
    const { queue, start, settle } = setup();
    const gate = new Gate();
    let isSlow = false;
    const worker = await start(
      {
        PLAN_CREATE: async () => {
          if (isSlow) await gate.wait();
          return planResult();
        },
      },
      { concurrency: 10, prefetch: 90 },
    );
    await queue.send(planCreate, plan());
    await settle();
    isSlow = true;
    await queue.sendMany(many(300));
    await settle();
    expect(worker.stats()).toMatchObject({ running: 10, buffered: 90 });
    const stopping = worker.stop();
    gate.open();
    await settle();
    await stopping;
    expect(worker.stats()).toMatchObject({ completed: 11, released: 90, lost: 0 });
  });

  it("leave the event loop its turns, however fast handlers are", async () => {
    const { queue, start } = setup();
    const longest = { stretch: 0 };
    let stretch = 0;
    const worker = await start({
      PLAN_CREATE: () => {
        longest.stretch = Math.max(longest.stretch, ++stretch);
        return planResult();
      },
    });
    await queue.sendMany(many(5_000));
    while (worker.stats().completed < 5_000) {
      stretch = 0;
      await turn();
    }
    // A slice's end may fall together with the next one's beginning.
    expect(longest.stretch).toBeLessThanOrEqual(2 * 256);
  });
});
