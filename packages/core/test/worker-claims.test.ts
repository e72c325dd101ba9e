import { describe, expect, it } from "vitest";
import type { SettleRequest } from "../src/engine/core.ts";
import { createWorker } from "../src/index.ts";
import {
  claimLimits,
  forward,
  Gate,
  phaseCreate,
  plan,
  planCreate,
  planResult,
  RecordingLogger,
  scan,
  setup,
} from "./runtime-support.ts";

const LEASE = 30_000;

describe("prefetch", () => {
  it.each([
    { duration: 50, prefetch: 1_000, held: 4 },
    { duration: 500, prefetch: 1_000, held: 0 },
    { duration: 1, prefetch: 1_000, held: 200 },
    { duration: 1, prefetch: 30, held: 30 },
  ])(
    "is none before a handler has ended, and $held after handlers of $duration ms, of at most $prefetch",
    async ({ duration, prefetch, held }) => {
      const { queue, start, settle, clock } = setup();
      const handler = async () => {
        await new Promise<void>((resolve) => clock.after(duration, resolve));
        return planResult();
      };
      const worker = await start({ PLAN_CREATE: handler }, { concurrency: 10, prefetch });
      await Promise.all(Array.from({ length: 500 }, () => queue.send(planCreate, plan())));
      await settle();
      expect(worker.stats()).toMatchObject({ running: 10, buffered: 0 });
      for (let round = 0; round < 10; round++) {
        await clock.advance(duration);
        await settle();
        expect(worker.stats().buffered).toBeLessThanOrEqual(held);
      }
      expect(worker.stats()).toMatchObject({ running: 10, buffered: held });
    },
  );

  it("lets two idle workers share ten one-second jobs five to five", async () => {
    const { queue, clock } = setup();
    const ran: string[] = [];
    const workers = ["a", "b"].map((name) =>
      createWorker(queue, { concurrency: 1, logger: new RecordingLogger() }).handle(scan, async () => {
        ran.push(name);
        await new Promise<void>((resolve) => clock.after(1_000, resolve));
      }),
    );
    await Promise.all(workers.map((worker) => worker.start()));
    await Promise.all(Array.from({ length: 10 }, () => queue.send(scan, forward)));
    await clock.advance(5_000);
    expect(ran.filter((name) => name === "a")).toHaveLength(5);
    expect(ran).toHaveLength(10);
    expect(workers.map((worker) => worker.stats().completed)).toEqual([5, 5]);
  });

  it("takes many fast jobs in few calls", async () => {
    const { queue, flaky, start, settle } = setup();
    const worker = await start({ PLAN_CREATE: () => planResult() }, { concurrency: 2 });
    await queue.send(planCreate, plan());
    await settle();
    const count = () => flaky.calls.length - flaky.count("enqueue");
    const before = count();
    await Promise.all(Array.from({ length: 900 }, () => queue.send(planCreate, plan())));
    await settle();
    expect(worker.stats().completed).toBe(901);
    expect(count() - before).toBeLessThan(16);
  });

  it("gives buffered jobs back when the running handler turns out to be slow", async () => {
    const { queue, start, settle, clock } = setup();
    const gate = new Gate();
    const handlers = {
      PLAN_CREATE: async ({ data }: { data: { planId: string } }) => {
        if (data.planId === "slow") await gate.wait();
        return planResult();
      },
    };
    const worker = await start(handlers, { concurrency: 1 });
    await queue.send(planCreate, plan());
    await settle();
    await queue.send(planCreate, plan("slow"));
    const waiting = await Promise.all([1, 2, 3].map(() => queue.send(planCreate, plan())));
    await settle();
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 3 });
    await clock.advance(250);
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 0, released: 3 });

    const other = await start(handlers, { concurrency: 1 });
    await settle();
    expect(other.stats().completed).toBe(3);
    expect(await queue.get(waiting[0]!)).toMatchObject({ state: "completed", attempt: 1 });
    gate.open();
  });

  it("can be turned off", async () => {
    const { queue, flaky, start, settle } = setup();
    await start({ PLAN_CREATE: () => planResult() }, { concurrency: 3, prefetch: 0 });
    await Promise.all(Array.from({ length: 50 }, () => queue.send(planCreate, plan())));
    await settle();
    expect(Math.max(...claimLimits(flaky))).toBe(3);
  });
});

describe("claiming", () => {
  it("rides along with settling: one call for both, and one at a time", async () => {
    const { queue, flaky, start, settle } = setup();
    const gate = new Gate();
    await start({ SCAN: () => gate.wait() }, { concurrency: 2, prefetch: 0 });
    await Promise.all([1, 2, 3, 4].map(() => queue.send(scan, forward)));
    await settle();
    gate.open();
    await settle();
    const settles = flaky.calls.filter(({ method }) => method === "settle");
    expect(settles).toMatchObject([{ args: [{ outcomes: [{}, {}], claim: { limit: 2, lease: LEASE } }] }]);
    expect(gate.entered).toBe(4);
  });

  it("gathers the outcomes that come in while a call is under way", async () => {
    const { queue, flaky, start, settle } = setup();
    const gates = [new Gate(), new Gate(), new Gate()];
    await start({
      PHASE_CREATE: ({ data }) => gates[data.index]!.wait(),
    });
    await Promise.all(gates.map((_, index) => queue.send(phaseCreate, { planId: `p${index}`, index })));
    await settle();
    flaky.hang("settle");
    gates[0]!.open();
    await settle();
    gates[1]!.open();
    gates[2]!.open();
    await settle();
    expect(flaky.count("settle")).toBe(1);
    flaky.mend();
    await settle();
    const settles = flaky.calls.filter(({ method }) => method === "settle");
    expect(settles.map(({ args }) => (args[0] as SettleRequest).outcomes.length)).toEqual([1, 2]);
  });

  it("serves its queues in turn, so that a busy one starves none", async () => {
    const { queue, start, settle, clock } = setup();
    const ran: string[] = [];
    const tick = () => new Promise<void>((resolve) => clock.after(1_000, resolve));
    await start(
      {
        PLAN_CREATE: async () => {
          ran.push("plan");
          await tick();
          return planResult();
        },
        SCAN: async () => {
          ran.push("scan");
          await tick();
        },
      },
      { concurrency: 1 },
    );
    await Promise.all(Array.from({ length: 10 }, () => queue.send(planCreate, plan())));
    await queue.send(scan, forward);
    await settle();
    await clock.advance(3_000);
    expect(ran).toContain("scan");
  });

  it("serves only the queues it was told to", async () => {
    const { queue, start, settle } = setup();
    await start({ PLAN_CREATE: () => planResult(), SCAN: () => {} }, { queues: ["default"] });
    const other = await queue.send(planCreate, plan());
    const own = await queue.send(scan, forward);
    await settle();
    expect((await queue.get(own))?.state).toBe("completed");
    expect((await queue.get(other))?.state).toBe("queued");
  });

  it("wakes for a delayed job when it is due", async () => {
    const { queue, start, settle, clock } = setup();
    await start({ SCAN: () => {} }, { pollInterval: "1m", maintenanceInterval: "10s" });
    const handle = await queue.send(scan, forward, { delay: "10s" });
    await settle();
    await clock.advance(9_999);
    expect((await queue.get(handle))?.state).toBe("scheduled");
    await clock.advance(1);
    expect((await queue.get(handle))?.state).toBe("completed");
  });

  it("polls when the engine's wake-ups don't come", async () => {
    const { queue, start, settle, clock } = setup({ waitForWork: () => new Promise(() => {}) });
    await start({ SCAN: () => {} }, { pollInterval: "2s" });
    await settle();
    const handle = await queue.send(scan, forward);
    await settle();
    expect((await queue.get(handle))?.state).toBe("queued");
    await clock.advance(3_000);
    expect((await queue.get(handle))?.state).toBe("completed");
  });

  it("doesn't spin when the engine wakes it for nothing", async () => {
    const { flaky, start, clock } = setup({ waitForWork: async () => {} });
    await start({ SCAN: () => {} });
    for (let turns = 0; turns < 200; turns++) await clock.advance(0);
    expect(flaky.count("claim")).toBeLessThan(10);
    await clock.advance(10_000);
    expect(flaky.count("claim")).toBeLessThan(60);
  });

  it("runs what another worker's death left behind", async () => {
    const { queue, flaky, start, clock } = setup();
    const handle = await queue.send(scan, forward);
    await flaky.engine.core.claim({ queues: ["default"], limit: 1, lease: LEASE });
    await start({ SCAN: () => {} });
    await clock.advance(LEASE + 2_000);
    expect(await queue.get(handle)).toMatchObject({ state: "completed", stalls: 1, epoch: 2 });
  });

  it("costs an engine at most 0.4 commands a second while there is nothing to do", async () => {
    const { flaky, start, clock } = setup();
    await start({ SCAN: () => {} });
    await clock.advance(5_000);
    const before = flaky.calls.length;
    await clock.advance(60_000);
    expect(flaky.calls.length - before).toBeLessThanOrEqual(24);
  });
});

describe("an engine that is away", () => {
  it("is waited for, told of once, and resumed with", async () => {
    const { queue, flaky, start, settle, clock, logger } = setup();
    await start({ SCAN: () => {} });
    flaky.fail("claim", "recover", "waitForWork", "settle");
    await clock.advance(60_000);
    expect(logger.lines.toSorted()).toEqual([
      "error: The worker couldn't do the engine's maintenance. It keeps trying.",
      "error: The worker couldn't settle and claim jobs. It keeps trying.",
      "error: The worker couldn't wait for work. It keeps trying.",
    ]);
    // Every 2 s at the end, not in a hurry.
    expect(flaky.count("claim")).toBeLessThan(45);
    flaky.mend();
    const handle = await queue.send(scan, forward);
    await clock.advance(5_000);
    await settle();
    expect((await queue.get(handle))?.state).toBe("completed");
    expect(logger.lines.slice(3).toSorted()).toEqual([
      "warn: The worker can do the engine's maintenance again.",
      "warn: The worker can settle and claim jobs again.",
    ]);
  });

  it("fails the wait for work only: the worker polls", async () => {
    const { queue, flaky, start, settle, clock, logger } = setup();
    flaky.fail("waitForWork");
    await start({ SCAN: () => {} });
    await settle();
    const handle = await queue.send(scan, forward);
    await clock.advance(5_000);
    expect((await queue.get(handle))?.state).toBe("completed");
    expect(logger.lines).toEqual(["error: The worker couldn't wait for work. It keeps trying."]);
  });

  it("gets the outcomes that it missed, while their leases last", async () => {
    const { queue, flaky, start, settle, clock } = setup();
    let runs = 0;
    const worker = await start({
      PLAN_CREATE: () => {
        runs++;
        return planResult();
      },
    });
    await settle();
    flaky.fail("settle");
    const handle = await queue.send(planCreate, plan());
    await clock.advance(120_000);
    expect((await queue.get(handle))?.state).toBe("active");
    flaky.mend();
    await clock.advance(5_000);
    expect(await queue.get(handle)).toMatchObject({ state: "completed", stalls: 0, attempt: 1 });
    expect([runs, worker.stats().lost]).toEqual([1, 0]);
  });

  it("misses the outcomes whose lease is over, and the job runs again", async () => {
    const { queue, flaky, start, settle, clock } = setup();
    let runs = 0;
    const worker = await start({
      PLAN_CREATE: () => {
        runs++;
        return planResult();
      },
    });
    await settle();
    const handle = await queue.send(planCreate, plan());
    flaky.fail("settle", "extend");
    await settle();
    expect(runs).toBe(1);
    await clock.advance(LEASE);
    flaky.mend();
    await clock.advance(10_000);
    expect(await queue.get(handle)).toMatchObject({ state: "completed", stalls: 1, epoch: 2 });
    expect([runs, worker.stats().lost]).toEqual([2, 1]);
  });

  it("never answers, is given up on after a lease, and asked again", async () => {
    const { queue, flaky, start, settle, clock, logger } = setup();
    flaky.hang("claim", "recover");
    const starting = start({ SCAN: () => {} });
    const handle = await queue.send(scan, forward);
    await clock.advance(LEASE + 1);
    await starting;
    expect(logger.lines).toContain("error: The worker couldn't settle and claim jobs. It keeps trying.");
    flaky.mend();
    await clock.advance(LEASE + 10_000);
    await settle();
    expect((await queue.get(handle))?.state).toBe("completed");
  });

  it("never answers a renewal, and outcomes get through all the same", async () => {
    const { queue, flaky, start, settle, clock } = setup();
    const gate = new Gate();
    await start({
      SCAN: async ({ progress }) => {
        progress({ scanned: 1 });
        await gate.wait();
      },
    });
    const handle = await queue.send(scan, forward);
    flaky.hang("extend");
    await settle();
    await clock.advance(5_000);
    gate.open();
    await settle();
    expect((await queue.get(handle))?.state).toBe("active");
    await clock.advance(LEASE - 5_000);
    expect((await queue.get(handle))?.state).toBe("completed");
  });

  it("gets the releases that it missed", async () => {
    const { queue, flaky, start, settle, clock } = setup({ features: { selectiveClaims: false } });
    await start({ PLAN_CREATE: () => planResult() }, { queues: ["plans", "default"] });
    await settle();
    flaky.fail("release");
    const handle = await queue.send(scan, forward);
    await settle();
    expect((await queue.get(handle))?.state).toBe("active");
    flaky.mend();
    await clock.advance(1_000);
    expect(await queue.get(handle)).toMatchObject({ bounces: 1 });
  });

  it("and a logger that throws don't stop the worker", async () => {
    const { queue, flaky, start, clock } = setup();
    const broken = () => {
      throw new Error("disk full");
    };
    flaky.fail("claim");
    await start({ SCAN: () => {} }, { queues: ["default"], logger: { warn: broken, error: broken } });
    await clock.advance(1_000);
    flaky.mend();
    const handle = await queue.send(scan, forward);
    await clock.advance(5_000);
    expect((await queue.get(handle))?.state).toBe("completed");
  });
});

describe("a queue that is paused", () => {
  it("gets back what its worker hasn't begun with the next end of a job, and what follows in a run", async () => {
    const { queue, flaky, start, settle } = setup();
    const [first, second] = [new Gate(), new Gate()];
    const gates = [first, second];
    const worker = await start(
      {
        PLAN_CREATE: async ({ data }) => {
          if (data.planId === "slow") await gates.shift()?.wait();
          return planResult();
        },
        PHASE_CREATE: () => {},
      },
      { concurrency: 1 },
    );
    await queue.send(planCreate, plan());
    await settle();
    for (let n = 0; n < 20; n++) void queue.send(planCreate, plan("slow"));
    for (let n = 0; n < 5; n++) void queue.send(phaseCreate, { planId: "p1", index: 0 });
    await settle();
    expect(first.entered).toBe(1);
    expect(worker.stats().buffered).toBe(24);

    await queue.pause("plans");
    first.open();
    await settle();
    // The one that began before the worker could know runs on; of the other queue nothing was given back.
    expect(second.entered).toBe(1);
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 5, released: 18 });
    const counts = async (name: string) =>
      (await flaky.engine.queues.counts()).find(({ queue }) => queue === name)!;
    expect((await counts("plans")).states).toMatchObject({ queued: 18, active: 1 });

    second.open();
    await settle();
    expect((await counts("phases")).states).toMatchObject({ completed: 5 });
    await queue.resume("plans");
    await settle();
    expect((await counts("plans")).states).toMatchObject({ queued: 0, completed: 21 });
    await worker.stop();
  });
});
