import { describe, expect, it } from "vitest";
import { UnrecoverableError } from "../src/index.ts";
import { createTestQueue, FakeClock, waitFor } from "../src/testing/index.ts";
import {
  forward,
  Gate,
  phaseCreate,
  plan,
  planCreate,
  planResult,
  registry,
  rejection,
  scan,
} from "./runtime-support.ts";

describe("createTestQueue", () => {
  it("creates a queue, a worker for the handlers, and a stopped clock", async () => {
    await using test = await createTestQueue({ registry, handlers: { PLAN_CREATE: () => planResult() } });
    const handle = await test.queue.send(planCreate, plan());
    await test.drain();
    expect((await test.queue.get(handle))?.result).toEqual(planResult());
    expect(test.worker.stats().completed).toBe(1);
    expect(test.clock.now()).toBe(Date.UTC(2026, 0, 1));
  });

  it("accepts a clock, middleware and worker options", async () => {
    const clock = new FakeClock(Date.UTC(2030, 0, 1));
    const seen: string[] = [];
    const test = await createTestQueue({
      registry,
      clock,
      handlers: { SCAN: () => {} },
      middleware: [{ run: ({ job }, next) => next().finally(() => seen.push(job.messageType)) }],
      worker: { concurrency: 1 },
    });
    const handle = await test.queue.send(scan, forward);
    await test.drain();
    expect(seen).toEqual(["SCAN"]);
    expect((await test.queue.get(handle))?.createdAt).toEqual(new Date("2030-01-01"));
    await test.close();
  });

  it("rejects a handler for a message that isn't in the registry", async () => {
    const error = await rejection(createTestQueue({ registry, handlers: { STRANGER: () => {} } as never }));
    expect(error).toMatchObject({ code: "UNKNOWN_MESSAGE" });
  });

  it("rejects unknown options, and a clock that isn't a FakeClock", async () => {
    for (const [options, text] of [
      [{ registry, handler: {} }, 'unknown option "handler"'],
      [{ registry, clock: { now: () => 0, after: () => () => {} } }, "FakeClock"],
      [{ registry, handlers: "all" }, "handlers"],
    ] as const) {
      const error = await rejection(createTestQueue(options as never));
      expect(error).toMatchObject({ code: "INVALID_OPTIONS", message: expect.stringContaining(text) });
    }
    await using test = await createTestQueue({ registry });
    const error = await rejection(test.drain({ patient: 1 } as never));
    expect(error).toMatchObject({ code: "INVALID_OPTIONS", message: expect.stringContaining("patient") });
  });

  it("closes although a handler hangs", async () => {
    const test = await createTestQueue({ registry, handlers: { SCAN: () => new Promise<void>(() => {}) } });
    const handle = await test.queue.send(scan, forward);
    await test.waitFor(handle, "active");
    await test.close();
    expect(test.clock.nextTimer).toBeUndefined();
  });
});

describe("drain", () => {
  it("advances the clock over delays and backoffs", async () => {
    const test = await createTestQueue({
      registry,
      handlers: {
        PLAN_CREATE: ({ job }) => {
          if (job.attempt < 3) throw new Error("not yet");
          return planResult();
        },
      },
    });
    const began = test.clock.now();
    const handle = await test.queue.send(planCreate, plan(), { delay: "7d" });
    await test.drain();
    expect(await test.queue.get(handle)).toMatchObject({ state: "completed", attempt: 3 });
    expect(test.clock.now() - began).toBe(7 * 86_400_000 + 2_000 + 4_000);
    await test.close();
  });

  it("advances the clock over years as fast as over seconds", async () => {
    await using test = await createTestQueue({ registry, handlers: { PLAN_CREATE: () => planResult() } });
    const late = await test.queue.send(planCreate, plan(), { delay: "365d" });
    const waiting = rejection(late.wait({ timeout: "1d" }));
    await test.drain();
    expect((await test.queue.get(late))?.state).toBe("completed");
    expect(await waiting).toMatchObject({ code: "WAIT_TIMEOUT" });
    const later = await test.queue.send(planCreate, plan(), { delay: "3650d" });
    expect(await test.wait(later)).toEqual(planResult());
    const never = await test.queue.send(scan, forward, { dependsOn: [later], delay: "40d" });
    expect(await rejection(test.wait(never, { timeout: "30d" }))).toMatchObject({ code: "WAIT_TIMEOUT" });
    expect(test.clock.now() - Date.UTC(2026, 0, 1)).toBe((365 + 3_650 + 30) * 86_400_000);
  });

  it("fires timers before a delayed job on time, and runs the jobs they send", async () => {
    const ran: string[] = [];
    await using test = await createTestQueue({
      registry,
      handlers: {
        PLAN_CREATE: () => planResult(),
        SCAN: () => void ran.push(new Date(test.clock.now()).toISOString()),
      },
    });
    const daily = () => {
      void test.queue.send(scan, forward);
      if (ran.length < 3) test.clock.after(86_400_000, daily);
    };
    test.clock.after(86_400_000, daily);
    await test.queue.send(planCreate, plan(), { delay: "30d" });
    await test.drain();
    expect(ran.map((at) => at.slice(0, 10))).toEqual([
      "2026-01-02",
      "2026-01-03",
      "2026-01-04",
      "2026-01-05",
    ]);
    expect(test.clock.now()).toBe(Date.UTC(2026, 0, 31));
  });

  it("waits for real work in handlers", async () => {
    const test = await createTestQueue({
      registry,
      handlers: {
        SCAN: async () => {
          const { readFile } = await import("node:fs/promises");
          await readFile(new URL(import.meta.url), "utf8");
        },
      },
    });
    const handle = await test.queue.send(scan, forward);
    await test.drain();
    expect((await test.queue.get(handle))?.state).toBe("completed");
    await test.close();
  });

  it("runs jobs sent by handlers, and dependents", async () => {
    const test = await createTestQueue({
      registry,
      handlers: {
        PLAN_CREATE: async ({ data }) => {
          await test.queue.send(phaseCreate, { planId: data.planId, index: 1 }, { delay: "1m" });
          return planResult();
        },
        PHASE_CREATE: () => {},
      },
    });
    const created = await test.queue.send(planCreate, plan());
    await test.queue.send(phaseCreate, { planId: "p1", index: 0 }, { dependsOn: [created] });
    await test.drain();
    expect((await test.queue.stats()).totals.states).toMatchObject({ completed: 3, blocked: 0 });
    await test.close();
  });

  it("leaves jobs alone that a policy holds", async () => {
    const test = await createTestQueue({
      registry,
      handlers: { PLAN_CREATE: () => Promise.reject(new UnrecoverableError("no")) },
    });
    const created = await test.queue.send(planCreate, plan());
    const held = await test.queue.send(scan, forward, { dependsOn: [{ job: created, onFailure: "hold" }] });
    await test.drain();
    expect((await test.queue.get(held))?.state).toBe("blocked");
    await test.close();
  });

  it("reports a hung handler before a test runner's five seconds are over", async () => {
    const hung = await createTestQueue({ registry, handlers: { SCAN: () => new Promise<void>(() => {}) } });
    await hung.queue.send(scan, forward);
    expect((await rejection(hung.drain())).message).toContain("no attempt ended within 3000 ms");
    await hung.close();
  });

  it("says why jobs never finish", async () => {
    const paused = await createTestQueue({ registry, handlers: { SCAN: () => {} } });
    await paused.queue.pause("default");
    await paused.queue.send(scan, forward);
    expect((await rejection(paused.drain())).message).toContain("the queue default is paused");
    await paused.close();

    const idle = await createTestQueue({ registry });
    await idle.queue.send(scan, forward);
    expect((await rejection(idle.drain())).message).toContain("no worker is running");
    await idle.close();

    const endless = await createTestQueue({
      registry,
      handlers: {
        SCAN: async ({ data }) => {
          await endless.queue.send(scan, data, { delay: "1s" });
        },
      },
    });
    await endless.queue.send(scan, forward);
    expect((await rejection(endless.drain({ maxSteps: 20 }))).message).toContain("Do they send each other?");
    await endless.close();

    const hung = await createTestQueue({ registry, handlers: { SCAN: () => new Promise<void>(() => {}) } });
    const handle = await hung.queue.send(scan, forward);
    const error = await rejection(hung.drain({ handlerTimeout: 20 }));
    expect(error.message).toContain(`SCAN ${handle.id} (attempt 1)`);
    expect(error.message).toMatch(/[^.]\.$/);
    await hung.close();
  });
});

describe("wait", () => {
  it("runs jobs and advances the clock until the job has ended, and no further", async () => {
    await using test = await createTestQueue({
      registry,
      handlers: {
        PLAN_CREATE: ({ job }) => {
          if (job.attempt < 2) throw new Error("not yet");
          return planResult();
        },
        SCAN: () => {},
      },
    });
    const began = test.clock.now();
    const handle = await test.queue.send(planCreate, plan(), { delay: "1h" });
    const later = await test.queue.send(scan, forward, { delay: "1d" });
    expect(await test.wait(handle)).toEqual(planResult());
    expect(test.clock.now() - began).toBe(3_600_000 + 2_000);
    expect((await test.queue.get(later))?.state).toBe("scheduled");
  });

  it("times out on the fake clock, also if nothing could ever end the job", async () => {
    await using test = await createTestQueue({ registry, handlers: { PLAN_CREATE: () => planResult() } });
    const began = test.clock.now();
    const late = await test.queue.send(planCreate, plan(), { delay: "1h" });
    expect(await rejection(test.wait(late, { timeout: "1m" }))).toMatchObject({ code: "WAIT_TIMEOUT" });
    expect(test.clock.now() - began).toBe(60_000);
    const unserved = await test.queue.send(phaseCreate, { planId: "p1", index: 0 });
    expect(await rejection(test.wait(unserved, { timeout: "1m" }))).toMatchObject({ code: "WAIT_TIMEOUT" });
    expect(test.clock.now() - began).toBe(120_000);
    expect(await rejection(test.wait(unserved))).toMatchObject({
      code: "INVALID_STATE",
      message: expect.stringMatching(
        new RegExp(
          `^drain: (?!drain: ).*[^.]\\. The job ${unserved.id} \\(PHASE_CREATE\\) is queued.*[^.]\\.$`,
        ),
      ),
    });
    await expect(test.wait(late)).rejects.toMatchObject({ code: "INVALID_STATE" });
  });

  it("doesn't wait for handlers of other jobs", async () => {
    const gate = new Gate();
    await using test = await createTestQueue({
      registry,
      handlers: { SCAN: () => gate.wait(), PLAN_CREATE: () => planResult() },
    });
    await test.queue.send(scan, forward);
    expect(await test.wait(await test.queue.send(planCreate, plan()))).toEqual(planResult());
    gate.open();
  });

  it("of a handle uses the clock without advancing it", async () => {
    await using test = await createTestQueue({ registry, handlers: { PLAN_CREATE: () => planResult() } });
    const handle = await test.queue.send(planCreate, plan(), { delay: "1h" });
    const waiting = rejection(handle.wait({ timeout: "1m" }));
    await test.clock.advance(60_000);
    expect(await waiting).toMatchObject({ code: "WAIT_TIMEOUT" });
  });
});

describe("transaction", () => {
  it("stores its sends when it commits, and nothing when it rolls back", async () => {
    await using test = await createTestQueue({
      registry,
      handlers: { PLAN_CREATE: () => planResult(), PHASE_CREATE: () => {} },
    });
    const sent = await test.transaction(async (tx) => {
      const created = await test.queue.send(planCreate, plan(), { tx });
      await test.queue.send(phaseCreate, { planId: "p1", index: 0 }, { tx, dependsOn: [created] });
      await test.drain();
      expect((await test.queue.list()).jobs).toEqual([]);
      return created;
    });
    expect(await test.wait(sent)).toEqual(planResult());
    await test.drain();
    expect((await test.queue.stats()).totals.states.completed).toBe(2);

    const failing = test.transaction(async (tx) => {
      await test.queue.send(planCreate, plan("p2"), { tx });
      throw new Error("rolled back");
    });
    expect((await rejection(failing)).message).toBe("rolled back");
    await test.drain();
    expect((await test.queue.list()).jobs).toHaveLength(2);
  });

  it("ends with its work, and its outbox accepts no other transaction", async () => {
    await using test = await createTestQueue({ registry });
    const tx = await test.transaction((open) => open);
    for (const other of [tx, {}]) {
      const error = await rejection(test.queue.send(planCreate, plan(), { tx: other }));
      expect(error).toMatchObject({
        code: "INVALID_OPTIONS",
        message: expect.stringContaining("test.transaction"),
      });
    }
    const lost = test.transaction((open) =>
      test.queue.send(planCreate, plan(), { tx: open, dependsOn: ["nowhere"] }),
    );
    expect(await rejection(lost)).toMatchObject({ code: "DEPENDENCY_NOT_FOUND" });
  });

  it("is rejected with the app's own outbox, which receives the sends", async () => {
    const taken: unknown[] = [];
    await using test = await createTestQueue({
      registry,
      outbox: {
        add: async (tx, jobs) => void taken.push([tx, jobs.length]),
        start: async () => ({ stop: async () => {} }),
      },
    });
    const tx = {};
    await test.queue.send(planCreate, plan(), { tx });
    expect(taken).toEqual([[tx, 1]]);
    expect(await rejection(test.transaction(() => {}))).toMatchObject({ code: "INVALID_OPTIONS" });
  });
});

describe("waitFor", () => {
  it("resolves once the job reaches the state, or if it has already", async () => {
    const gate = new Gate();
    const test = await createTestQueue({ registry, handlers: { SCAN: () => gate.wait() } });
    const handle = await test.queue.send(scan, forward, { delay: "1m" });
    expect((await test.waitFor(handle, "scheduled")).state).toBe("scheduled");
    const running = test.waitFor(handle, "active");
    await test.clock.advance(60_000);
    expect(await running).toMatchObject({ state: "active", attempt: 1 });
    const done = test.waitFor(handle.id, "completed");
    gate.open();
    expect((await done).state).toBe("completed");
    expect((await test.waitFor(handle, "active")).state).toBe("completed");
    await test.close();
  });

  it("rejects unknown states and options", async () => {
    await using test = await createTestQueue({ registry });
    const handle = await test.queue.send(scan, forward);
    for (const [state, options, text] of [
      ["done", {}, "waitFor: state: expected one of "],
      ["queued", { timeout: "soon" }, "waitFor: timeout: expected milliseconds"],
      ["queued", { patience: 1 }, 'unknown option "patience"'],
    ] as const) {
      const error = await rejection(test.waitFor(handle, state as never, options as never));
      expect(error).toMatchObject({ code: "INVALID_OPTIONS", message: expect.stringContaining(text) });
    }
  });

  it("rejects if the job ends in another state, isn't stored, or takes too long", async () => {
    const test = await createTestQueue({
      registry,
      handlers: { SCAN: () => Promise.reject(new Error("no signal")) },
    });
    const handle = await test.queue.send(scan, forward);
    expect(await rejection(test.waitFor(handle, "completed"))).toMatchObject({
      code: "INVALID_STATE",
      message: expect.stringContaining("is failed (HANDLER_FAILED: no signal)"),
    });
    expect(await rejection(test.waitFor("nobody", "active"))).toMatchObject({ code: "JOB_NOT_FOUND" });
    const later = await test.queue.send(scan, forward, { delay: "1h" });
    expect(await rejection(waitFor(test.queue, later, "active", { timeout: 10 }))).toMatchObject({
      code: "WAIT_TIMEOUT",
      message: expect.stringContaining("may start from"),
    });
    await test.close();
  });
});

describe("mistakes in tests", () => {
  it("are explained", async () => {
    const error = await rejection((createTestQueue as () => Promise<unknown>)());
    expect(error).toMatchObject({ code: "INVALID_OPTIONS", message: expect.stringContaining("{ registry") });
  });

  it("that send unhandled jobs are reported at once", async () => {
    await using test = await createTestQueue({ registry, handlers: { PLAN_CREATE: () => planResult() } });
    await test.queue.send(phaseCreate, { planId: "p1", index: 0 });
    const error = await rejection(test.drain());
    expect(error.message).toContain("jobs of PHASE_CREATE are ready in phases, but the worker doesn't serve");
    expect(test.clock.now()).toBe(Date.UTC(2026, 0, 1));
  });
});

describe("FakeClock", () => {
  it("skips over repetitions: a timer set during a skip fires at its end", async () => {
    const clock = new FakeClock(0);
    const fired: number[] = [];
    const again = () => {
      fired.push(clock.now());
      clock.after(1_000, again);
    };
    clock.after(1_000, again);
    await clock.skip(1_000_000);
    expect(fired).toEqual([1_000, 1_000_000]);
    expect(clock.nextTimer).toBe(1_001_000);
    let isEnough = false;
    clock.after(500, () => {
      isEnough = true;
    });
    await clock.skip(1_000_000, () => isEnough);
    expect(clock.now()).toBe(1_000_500);
  });

  it("never goes back if two calls advance it at once", async () => {
    const clock = new FakeClock(0);
    await Promise.all([clock.advance(10_000), clock.advance(1_000)]);
    expect(clock.now()).toBe(10_000);
  });
});
