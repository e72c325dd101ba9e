import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startRedis } from "@org/test-servers";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { createQueue, createWorker } from "../src/index.ts";
import { IoredisConnection } from "../src/redis/connection/ioredis-connection.ts";
import { RedisEngine } from "../src/redis/redis-engine.ts";
import { resolveRedisOptions } from "../src/redis/redis-options.ts";
import { FakeTimeConnection } from "./redis-fake-time.ts";
import {
  forward,
  Gate,
  plan,
  planCreate,
  planResult,
  registry,
  rejection,
  scan,
  setup,
} from "./runtime-support.ts";

const SECOND = 1_000;

describe("a worker's entry in the list", () => {
  it("lasts while it is idle, and ends with its stop", async () => {
    const { queue, clock, start } = setup();
    const worker = await start({ SCAN: () => {} }, { name: "scanner" });
    for (let minute = 0; minute < 10; minute++) {
      await clock.advance(60 * SECOND);
      expect(await queue.workers()).toMatchObject([{ name: "scanner", running: 0, attempts: [] }]);
    }
    await worker.stop();
    expect(await queue.workers()).toEqual([]);
  });

  it("lasts while a handler runs for long, also while the worker stops", async () => {
    const { queue, clock, start, settle } = setup();
    const gate = new Gate();
    const worker = await start({ PLAN_CREATE: () => gate.wait().then(() => planResult()) });
    const job = await queue.send(planCreate, plan());
    await settle();
    const since = new Date(clock.now());
    await clock.advance(5 * 60 * SECOND);
    expect(await queue.workers()).toMatchObject([{ running: 1, attempts: [{ id: job.id, since }] }]);
    const stopping = worker.stop({ timeout: "10m" });
    await clock.advance(5 * 60 * SECOND);
    expect(await queue.workers()).toMatchObject([{ running: 1 }]);
    gate.open();
    await stopping;
    expect(await queue.workers()).toEqual([]);
  });

  it("outlasts an engine that is away for some seconds, or a paused event loop", async () => {
    const { queue, clock, flaky, start } = setup();
    await start({ SCAN: () => {} });
    await clock.advance(60 * SECOND);
    flaky.fail("recover");
    await clock.advance(19 * SECOND);
    expect(await queue.workers()).toHaveLength(1);
    flaky.mend();
    await clock.advance(60 * SECOND);
    expect(await queue.workers()).toHaveLength(1);
  });

  it("comes back after it was lost, with the same start", async () => {
    const { queue, clock, flaky, start } = setup();
    await start({ SCAN: () => {} });
    const [before] = await queue.workers();
    flaky.fail("recover");
    await clock.advance(60 * SECOND);
    expect(await queue.workers()).toEqual([]);
    flaky.mend();
    await clock.advance(10 * SECOND);
    expect(await queue.workers()).toMatchObject([{ id: before!.id, startedAt: before!.startedAt }]);
  });

  it("is tried again when it couldn't be made at first", async () => {
    const { queue, clock, flaky, logger, start } = setup();
    flaky.fail("register");
    await start({ SCAN: () => {} });
    await clock.advance(20 * SECOND);
    expect(await queue.workers()).toEqual([]);
    expect(logger.lines).toEqual([
      expect.stringContaining("can't reach its engine yet. It keeps trying. register: connection lost"),
      "warn: The worker has reached its engine.",
      expect.stringContaining("couldn't register with the engine"),
    ]);
    flaky.mend();
    await clock.advance(10 * SECOND);
    expect(await queue.workers()).toHaveLength(1);
  });

  it("isn't missed by a worker whose engine keeps no list", async () => {
    const { queue, clock, flaky, logger, start, settle } = setup({ without: ["workers"] });
    const worker = await start({ SCAN: () => {} });
    const job = await queue.send(scan, forward);
    await settle();
    expect((await queue.get(job))?.state).toBe("completed");
    await clock.advance(60 * SECOND);
    expect(flaky.calls.filter(({ method }) => method === "recover").every(({ args }) => !args[0])).toBe(true);
    await worker.stop();
    expect(logger.lines).toEqual([]);
    expect(await rejection(queue.workers())).toMatchObject({ code: "UNSUPPORTED_BY_ENGINE" });
  });

  it("has the name that the worker was given", async () => {
    const { queue, start } = setup();
    await start({ PLAN_CREATE: () => planResult() });
    expect((await queue.workers())[0]?.name).toMatch(/.+:\d+$/);
    await start({ SCAN: () => {} }, { name: "scanner", concurrency: 3 });
    const lines: string[] = [];
    for (const { name, running, concurrency } of await queue.workers()) {
      lines.push([name, running, "of", concurrency].join(" "));
    }
    expect(lines).toContain("scanner 0 of 3");
    for (const name of ["", "x".repeat(257), "\ud800", 7 as never]) {
      expect(() => createWorker(queue, { name })).toThrow(/name/);
    }
  });
});

describe("maintenance", () => {
  it("comes when something is due, not at intervals, while a worker is idle", async () => {
    const { queue, clock, flaky, start } = setup();
    await start({ SCAN: () => {} });
    await queue.send(scan, forward, { delay: "1h" });
    await clock.advance(20 * SECOND);
    const before = flaky.count("recover");
    await clock.advance(60 * SECOND);
    expect(flaky.count("recover") - before).toBe(6);
  });

  it("comes at intervals while a worker has jobs", async () => {
    const { queue, clock, flaky, start, settle } = setup();
    const gate = new Gate();
    await start({ SCAN: () => gate.wait() });
    await queue.send(scan, forward);
    await settle();
    const before = flaky.count("recover");
    await clock.advance(18 * SECOND);
    expect(flaky.count("recover") - before).toBe(10);
    gate.open();
  });

  it("recovers a dead worker's job within two seconds of its lease's end, however the lease is long", async () => {
    for (const lease of [1, 4, 9, 25].map((seconds) => seconds * SECOND)) {
      const { queue, clock, flaky, start } = setup();
      const job = await queue.send(scan, forward);
      await flaky.engine.core.claim({ queues: ["default"], limit: 1, lease });
      await start({ SCAN: () => {} }, { lease: Math.max(lease, 5 * SECOND) });
      await clock.advance(lease + 2 * SECOND);
      expect(await queue.get(job)).toMatchObject({ state: "completed", stalls: 1 });
    }
  });

  it("sees short leases that others take meanwhile in time, while its worker's own are as short", async () => {
    const { queue, clock, flaky, start } = setup();
    await start({ SCAN: () => {} }, { lease: "1s", pollInterval: "1m" });
    const job = await queue.send(planCreate, plan());
    for (let stalls = 1; stalls <= 2; stalls++) {
      await clock.advance(61 * SECOND + 300 * stalls);
      await flaky.engine.core.claim({ queues: ["plans"], limit: 1, lease: SECOND });
      await clock.advance(SECOND + 1_800);
      expect(await queue.get(job)).toMatchObject({ state: "queued", stalls });
    }
  });

  it("of many idle workers is spread after the end of a lease", async () => {
    const { queue, clock, flaky, start } = setup();
    await queue.send(scan, forward);
    await flaky.engine.core.claim({ queues: ["default"], limit: 1, lease: 5 * SECOND });
    const workers = 40;
    for (let index = 0; index < workers; index++) await start({ SCAN: () => {} });
    await clock.advance(4_990);
    const before = flaky.count("recover");
    await clock.advance(100);
    expect(flaky.count("recover") - before).toBeLessThan(workers / 2);
    await clock.advance(2 * SECOND);
    expect((await queue.stats()).totals.states.completed).toBe(1);
  });

  it("doesn't come again and again for a lease that is over and can't be recovered", async () => {
    const recover = async () => ({
      requeued: 0,
      stalled: 0,
      promoted: 0,
      trimmed: 0,
      more: false,
      nextIn: 1,
    });
    let turns = 0;
    const { clock, start } = setup({
      recover: () => {
        turns++;
        return recover();
      },
    });
    await start({ SCAN: () => {} });
    await clock.advance(18 * SECOND);
    expect(turns).toBeLessThanOrEqual(12);
  });
});

describe("a worker in another process", () => {
  it("is listed with its process, and is gone 30 s after that was killed", { timeout: 60_000 }, async () => {
    const server = await startRedis();
    const admin = new Redis(server.url);
    const program = `
      import { createQueue, createRegistry, createWorker, defineMessage } from "@org/queue";
      import { redisEngine } from "@org/queue/redis";
      import * as z from "zod";
      const scan = defineMessage("SCAN", { version: 2, data: z.object({}), upcast: { 1: (old) => old } });
      const queue = createQueue({
        registry: createRegistry([scan]),
        engine: redisEngine({ url: ${JSON.stringify(server.url)} }),
      });
      await createWorker(queue, { name: "doomed" }).handle(scan, () => {}).start();
      console.log("started");
    `;
    const args = ["--conditions=@org/source", "--input-type=module-typescript", "--eval", program];
    const child = spawn(process.execPath, args, {
      cwd: fileURLToPath(new URL("..", import.meta.url)),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    // The child is on the server's time. This process sees the list as it is later.
    const prefix = "{queue}:";
    const options = resolveRedisOptions({ url: server.url, namespace: "queue" });
    const connection = new FakeTimeConnection(new IoredisConnection(options, prefix), admin, prefix);
    const engine = new RedisEngine({ connection, tombstones: options.tombstones });
    const queue = createQueue({ registry, engine });
    try {
      await once(child.stdout, "data");
      await connection.start(Date.now());
      expect(await queue.workers()).toMatchObject([
        { name: "doomed", process: child.pid, handles: [{ message: "SCAN", version: 2 }] },
      ]);
      child.kill("SIGKILL");
      await exited;
      await connection.start(Date.now());
      expect(await queue.workers()).toHaveLength(1);
      await connection.advance(30_000);
      expect(await queue.workers()).toEqual([]);
      await engine.core.recover();
      expect(await admin.keys("*workers*")).toEqual([]);
    } finally {
      child.kill("SIGKILL");
      await queue.close();
      await admin.quit();
      await server.stop();
    }
  });
});
