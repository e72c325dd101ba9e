import { describe, expect, it } from "vitest";
import type { ExtendRequest } from "../src/engine/core.ts";
import { createQueue, createWorker, memoryEngine } from "../src/index.ts";
import { FakeClock } from "../src/testing/index.ts";
import {
  FlakyEngine,
  forward,
  Gate,
  plan,
  planCreate,
  planResult,
  RecordingLogger,
  registry,
  scan,
  setup,
} from "./runtime-support.ts";

const LEASE = 30_000;

function extendsOf(flaky: FlakyEngine): ExtendRequest[] {
  return flaky.calls.filter(({ method }) => method === "extend").map(({ args }) => args[0] as ExtendRequest);
}

/** A clock whose timers can come late, as when the event loop is blocked or the process was stopped. */
class BlockedClock extends FakeClock {
  #skipped = 0;

  override now(): number {
    return super.now() + this.#skipped;
  }

  /** Time passes and nothing runs meanwhile. */
  block(milliseconds: number): void {
    this.#skipped += milliseconds;
  }
}

function blockable() {
  const clock = new BlockedClock();
  const flaky = new FlakyEngine(memoryEngine({ clock }));
  const queue = createQueue({ registry, engine: flaky.engine, clock });
  return { clock, flaky, queue, logger: new RecordingLogger() };
}

describe("leases", () => {
  it("of all held jobs are renewed in one call, every third of a lease, for as long as they run", async () => {
    const { queue, flaky, start, settle, clock } = setup();
    const gate = new Gate();
    await start({ PLAN_CREATE: () => gate.wait().then(() => planResult()) });
    const handles = await Promise.all([1, 2, 3].map((n) => queue.send(planCreate, plan(`p${n}`))));
    await settle();
    await clock.advance(10 * LEASE);
    const beats = extendsOf(flaky);
    expect(beats).toHaveLength(30);
    expect(beats.every(({ leases, lease }) => leases.length === 3 && lease === LEASE)).toBe(true);
    gate.open();
    await settle();
    for (const handle of handles)
      expect(await queue.get(handle)).toMatchObject({ state: "completed", stalls: 0 });
  });

  it("cost nothing when nothing is held", async () => {
    const { flaky, start, clock } = setup();
    await start({ PLAN_CREATE: () => planResult() });
    await clock.advance(LEASE);
    expect(flaky.count("extend")).toBe(0);
  });

  it("that another claim has taken abort the signal, and the outcome is dropped", async () => {
    const { queue, flaky, start, settle, clock } = setup();
    const gate = new Gate();
    const reasons: unknown[] = [];
    const worker = await start({
      PLAN_CREATE: async ({ signal }) => {
        signal.addEventListener("abort", () => reasons.push(signal.reason));
        await gate.wait();
        return planResult();
      },
    });
    const handle = await queue.send(planCreate, plan());
    await settle();
    // An operator, say, ended this claim and another worker took the job.
    await flaky.engine.core.release([{ ...flaky.leaseOf(handle.id), delay: 0, bounce: false }]);
    const { jobs } = await flaky.engine.core.claim({ queues: ["plans"], limit: 1, lease: 10 * LEASE });
    expect(jobs[0]).toMatchObject({ id: handle.id, epoch: 2 });
    await clock.advance(LEASE / 3);
    expect(reasons).toMatchObject([{ code: "LEASE_LOST" }]);
    const settles = flaky.count("settle");
    gate.open();
    await settle();
    expect(flaky.count("settle")).toBe(settles);
    expect(worker.stats()).toMatchObject({ lost: 1, completed: 0, running: 0 });
    expect(await queue.get(handle)).toMatchObject({ state: "active", epoch: 2 });
  });

  it("that the engine can't renew in time abort the signal when they end, not later", async () => {
    const { queue, flaky, start, settle, clock, logger } = setup();
    const gate = new Gate();
    let abortedAt: number | undefined;
    await start({
      PLAN_CREATE: async ({ signal }) => {
        signal.addEventListener("abort", () => {
          abortedAt ??= clock.now();
        });
        await gate.wait(signal);
        return planResult();
      },
    });
    await queue.send(planCreate, plan());
    await settle();
    const claimedAt = clock.now();
    flaky.fail("extend");
    await clock.advance(2 * LEASE);
    expect(abortedAt! - claimedAt).toBe(LEASE);
    expect(logger.lines).toEqual(["error: The worker couldn't renew its leases. It keeps trying."]);
  });

  it("end in time even when the engine never answers the renewal", async () => {
    const { queue, flaky, start, settle, clock } = setup();
    const gate = new Gate();
    let abortedAt: number | undefined;
    await start({
      PLAN_CREATE: async ({ signal }) => {
        signal.addEventListener("abort", () => {
          abortedAt ??= clock.now();
        });
        await gate.wait(signal);
        return planResult();
      },
    });
    await queue.send(planCreate, plan());
    await settle();
    const claimedAt = clock.now();
    flaky.hang("extend");
    await clock.advance(2 * LEASE);
    expect(abortedAt! - claimedAt).toBe(LEASE);
  });

  it("survive an engine that is away for less than a lease", async () => {
    const { queue, flaky, start, settle, clock, logger } = setup();
    const gate = new Gate();
    await start({ PLAN_CREATE: () => gate.wait().then(() => planResult()) });
    const handle = await queue.send(planCreate, plan());
    await settle();
    flaky.fail("extend");
    await clock.advance(LEASE - 1_000);
    flaky.mend();
    await clock.advance(LEASE);
    gate.open();
    await settle();
    expect(await queue.get(handle)).toMatchObject({ state: "completed", stalls: 0, epoch: 1 });
    expect(logger.lines).toHaveLength(2);
    expect(logger.lines[1]).toBe("warn: The worker can renew its leases again.");
  });

  it("are renewed in time although slow reports of another job keep the engine busy", async () => {
    const clock = new FakeClock();
    const memory = memoryEngine({ clock });
    let underway = 0;
    let most = 0;
    let calls = 0;
    const { engine } = new FlakyEngine(memory, {
      extend: async (request) => {
        calls++;
        most = Math.max(most, ++underway);
        await new Promise<void>((resolve) => clock.after(2_000, resolve));
        underway--;
        return memory.core.extend(request);
      },
    });
    const queue = createQueue({ registry, engine, clock });
    const gate = new Gate();
    const worker = createWorker(queue, { logger: new RecordingLogger() })
      .handle(planCreate, () => gate.wait().then(() => planResult()))
      .handle(scan, async ({ progress }) => {
        for (let scanned = 0; scanned < 500; scanned++) {
          progress({ scanned });
          await new Promise<void>((resolve) => clock.after(100, resolve));
        }
      });
    await worker.start();
    const quiet = await queue.send(planCreate, plan());
    const chatty = await queue.send(scan, forward);
    await clock.advance(2 * LEASE);
    expect(worker.stats()).toMatchObject({ lost: 0, running: 1 });
    gate.open();
    await clock.advance(0);
    expect(await queue.get(quiet)).toMatchObject({ state: "completed", stalls: 0 });
    expect(await queue.get(chatty)).toMatchObject({ state: "completed", progress: { scanned: 499 } });
    expect(most).toBe(1);
    expect(calls).toBeLessThanOrEqual((2 * LEASE) / 2_000);
  });

  it("are taken for lost after the event loop was blocked past their end", async () => {
    const { clock, flaky, queue, logger } = blockable();
    const gate = new Gate();
    const reasons: unknown[] = [];
    const worker = createWorker(queue, { logger }).handle(planCreate, async ({ signal }) => {
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      await gate.wait();
      return planResult();
    });
    await worker.start();
    const handle = await queue.send(planCreate, plan());
    await clock.advance(0);
    clock.block(LEASE + 1);
    await clock.advance(LEASE / 3);
    expect(reasons).toMatchObject([{ code: "LEASE_LOST" }]);
    // Maintenance has given the job back, and this worker runs it again. The first run's result is dropped.
    gate.open();
    await clock.advance(0);
    const settled = flaky.calls.filter(({ method }) => method === "settle").map(({ args }) => args[0]);
    expect(settled).toMatchObject([{ outcomes: [{ id: handle.id, epoch: 2, type: "complete" }] }]);
    expect(worker.stats()).toMatchObject({ lost: 1, completed: 1 });
  });

  it("that may be over keep prefetched jobs from starting", async () => {
    const { clock, queue, logger } = blockable();
    const gate = new Gate();
    const ran: string[] = [];
    const worker = createWorker(queue, { logger, concurrency: 1 }).handle(
      planCreate,
      async ({ data, fence }) => {
        ran.push(`${data.planId} ${fence}`);
        if (data.planId === "slow" && fence === 1) await gate.wait();
        return planResult();
      },
    );
    await worker.start();
    await queue.send(planCreate, plan("warm-up"));
    await clock.advance(0);
    await queue.send(planCreate, plan("slow"));
    await queue.send(planCreate, plan("next"));
    await clock.advance(0);
    expect(worker.stats()).toMatchObject({ running: 1, buffered: 1 });
    clock.block(LEASE + 1);
    gate.open();
    await clock.advance(0);
    expect(ran).toEqual(["warm-up 1", "slow 1"]);
    // Maintenance gives the job back, and it runs under its next epoch.
    await clock.advance(LEASE);
    expect(ran).toContain("next 2");
  });
});

describe("progress and logs", () => {
  it("reach readers a few times a second, the newest standing for those between", async () => {
    const { queue, flaky, start, settle, clock } = setup();
    const gate = new Gate();
    await start({
      SCAN: async ({ progress }) => {
        for (let scanned = 0; scanned < 10; scanned++) {
          progress({ scanned });
          await new Promise<void>((resolve) => clock.after(100, resolve));
        }
        await gate.wait();
      },
    });
    const handle = await queue.send(scan, forward);
    await settle();
    expect((await queue.get(handle))?.progress).toEqual({ scanned: 0 });
    await clock.advance(1_500);
    expect((await queue.get(handle))?.progress).toEqual({ scanned: 9 });
    expect(flaky.count("extend")).toBeLessThanOrEqual(5);
    gate.open();
  });

  it("of the last moment arrive before the end", async () => {
    const { queue, flaky, start, settle } = setup();
    await start({
      SCAN: ({ progress, log }) => {
        progress({ scanned: 1 });
        log("one");
        log("two");
        progress({ scanned: 2 });
      },
    });
    const handle = await queue.send(scan, forward);
    await settle();
    expect(await queue.get(handle)).toMatchObject({
      state: "completed",
      progress: { scanned: 2 },
      logs: [{ message: "one" }, { message: "two" }],
    });
    expect(flaky.count("extend")).toBe(1);
  });

  it("wait for one another when a report is on its way as the job ends", async () => {
    const { queue, flaky, start, settle } = setup();
    const gate = new Gate();
    await start({
      SCAN: async ({ progress }) => {
        progress({ scanned: 1 });
        await gate.wait();
        progress({ scanned: 2 });
      },
    });
    const handle = await queue.send(scan, forward);
    flaky.hang("extend");
    await settle();
    gate.open();
    await settle();
    expect((await queue.get(handle))?.state).toBe("active");
    flaky.mend();
    await settle();
    expect(await queue.get(handle)).toMatchObject({ state: "completed", progress: { scanned: 2 } });
  });

  it("aren't lost when a report fails", async () => {
    const { queue, flaky, start, settle, clock } = setup();
    const gate = new Gate();
    await start({
      SCAN: async ({ progress, log }) => {
        log("before");
        progress({ scanned: 1 });
        await gate.wait();
      },
    });
    const handle = await queue.send(scan, forward);
    flaky.fail("extend");
    await settle();
    flaky.mend();
    await clock.advance(1_000);
    expect(await queue.get(handle)).toMatchObject({
      state: "active",
      progress: { scanned: 1 },
      logs: [{ message: "before" }],
    });
    gate.open();
  });

  it("are checked and bounded", async () => {
    const { queue, start, settle } = setup();
    const errors: unknown[] = [];
    const attempt = (run: () => void) => {
      try {
        run();
      } catch (error) {
        errors.push(error);
      }
    };
    await start({
      SCAN: ({ progress, log }) => {
        attempt(() => progress({ scanned: "many" } as never));
        attempt(() => progress({ scanned: 1, note: "x".repeat(20_000) } as never));
        for (let line = 0; line < 150; line++) log(`line ${line}`);
        log("x".repeat(1_000));
        log("é".repeat(64));
      },
      PLAN_CREATE: ({ progress }) => {
        attempt(() => (progress as (value: unknown) => void)(1));
        return planResult();
      },
    });
    const handle = await queue.send(scan, forward);
    await queue.send(planCreate, plan());
    await settle();
    expect(errors).toMatchObject([
      { code: "INVALID_PROGRESS", issues: [{ path: "scanned" }] },
      { code: "PAYLOAD_TOO_LARGE" },
      { code: "INVALID_PROGRESS", message: expect.stringContaining("no `progress` schema") },
    ]);
    const { logs } = (await queue.get(handle))!;
    expect(logs).toHaveLength(100);
    expect(logs.every(({ message }) => Buffer.byteLength(message) <= 64)).toBe(true);
    expect(logs.at(-2)?.message).toMatch(/^x+…$/);
  });

  it("of a handler that its job has left behind are ignored", async () => {
    const { queue, flaky, start, settle } = setup();
    let late: () => void = () => {};
    await start({
      SCAN: ({ progress, log }) => {
        late = () => {
          progress({ scanned: 9 });
          log("late");
        };
      },
    });
    const handle = await queue.send(scan, forward);
    await settle();
    late();
    await settle();
    expect(flaky.count("extend")).toBe(0);
    expect((await queue.get(handle))?.progress).toBeUndefined();
  });
});
