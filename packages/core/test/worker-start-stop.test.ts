import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { startRedis } from "@org/test-servers";
import { Redis } from "ioredis";
import { describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { createQueue, createRegistry, createWorker, defineMessage, systemClock } from "../src/index.ts";
import { redisEngine } from "../src/redis/index.ts";
import {
  forward,
  Gate,
  planCreate,
  RecordingLogger,
  registry,
  rejection,
  scan,
  setup,
} from "./runtime-support.ts";

const DAY = 86_400_000;

describe("start", () => {
  it("rejects with the engine's error when it will never do, once it is known", async () => {
    const redis = await startRedis({ args: ["--requirepass", "sesame"] });
    const logger = new RecordingLogger();
    const wrong = redis.url.replace("redis://", "redis://:wrong@");
    const queue = createQueue({ registry, engine: redisEngine({ url: wrong }), logger });
    // A service of the worker must not log its own failure to start beside.
    queue.use({ start: ({ engine }) => engine.queues!.counts().then(() => ({ stop: async () => {} })) });
    const worker = createWorker(queue).handle(scan, () => {});
    logger.lines.length = 0;
    const started = Promise.allSettled([worker.start(), worker.start()]);
    for (const { reason } of (await started) as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ code: "ENGINE_MISCONFIGURED" });
      expect(reason.message).toContain("password");
    }
    expect(worker.stats().state).toBe("new");
    expect(logger.lines.filter((line) => line.startsWith("error"))).toEqual([]);
    await queue.close();
    await redis.stop();
  });

  it("resolves while the server is away, and says so once, with its address", async () => {
    const server = createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as { readonly port: number };
    await once(server.close(), "close");
    const logger = new RecordingLogger();
    const engine = redisEngine({ url: `redis://127.0.0.1:${port}` });
    const queue = createQueue({ registry, engine, logger });
    const worker = createWorker(queue, { queues: ["default"] }).handle(scan, () => {});
    await worker.start();
    expect(worker.stats().state).toBe("running");
    await expect.poll(() => worker.stats().state).toBe("running");
    await worker.stop();
    await queue.close();
    expect(logger.lines).toEqual([
      expect.stringMatching(
        new RegExp(
          `^warn: The worker has started, but can't reach its engine yet. It keeps trying. .*:${port} `,
        ),
      ),
    ]);
  });

  it("can be repeated once the engine's fault is mended", async () => {
    const redis = await startRedis({ args: ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"] });
    const queue = createQueue({
      registry,
      engine: redisEngine({ url: redis.url }),
      logger: new RecordingLogger(),
    });
    const worker = createWorker(queue).handle(scan, () => {});
    expect(await rejection(worker.start())).toMatchObject({ code: "ENGINE_MISCONFIGURED" });
    const client = new Redis(redis.url);
    await client.config("SET", "maxmemory-policy", "noeviction");
    await client.quit();
    await expect
      .poll(() =>
        worker.start().then(
          () => worker.stats().state,
          () => "new",
        ),
      )
      .toBe("running");
    const job = await queue.send(scan, forward);
    expect(await job.wait()).toBeUndefined();
    await worker.stop();
    await queue.close();
    await redis.stop();
  });

  it("rejects with CLOSED on a closed engine", async () => {
    const { queue, flaky, logger } = setup();
    await flaky.engine.core.close();
    const worker = createWorker(queue, { logger, queues: ["default"] }).handle(scan, () => {});
    expect(await rejection(worker.start())).toMatchObject({ code: "CLOSED" });
    expect(logger.lines).toEqual([]);
  });
});

describe("stop", () => {
  it("is immediate while the engine was never reached: nothing is held", async () => {
    // Takes connections and never answers.
    const silent = createServer(() => {});
    await once(silent.listen(0, "127.0.0.1"), "listening");
    const { port } = silent.address() as { readonly port: number };
    const engine = redisEngine({ url: `redis://127.0.0.1:${port}` });
    const queue = createQueue({ registry, engine, logger: new RecordingLogger() });
    const worker = createWorker(queue, { queues: ["default"] }).handle(scan, () => {});
    const starting = worker.start();
    await once(silent, "connection");
    const before = performance.now();
    await worker.stop();
    await starting;
    expect(performance.now() - before).toBeLessThan(1_000);
    await queue.close();
    await engine.core.close();
    silent.close();
  });

  it("releases what a claim answers too late", async () => {
    const { queue, flaky, start, settle, clock } = setup();
    const worker = await start({ SCAN: () => {} });
    await settle();
    flaky.hang("claim");
    const job = await queue.send(scan, forward);
    await settle();
    const stopped = worker.stop();
    await clock.advance(1_000);
    await stopped;
    flaky.mend();
    await settle();
    expect(await queue.get(job)).toMatchObject({ state: "queued", attempt: 0 });
  });
});

describe("stopOnSignals", () => {
  const program = `
    import { createQueue, createRegistry, createWorker, defineMessage } from "@org/queue";
    import * as z from "zod";
    const job = defineMessage("JOB", { data: z.object({}) });
    const queue = createQueue({ registry: createRegistry([job]) });
    let finish;
    process.stdin.once("data", () => finish()).unref();
    const worker = createWorker(queue).handle(job, () => {
      console.log("started");
      return new Promise((resolve) => (finish = resolve));
    });
    await worker.start();
    const handle = await queue.send(job, {});
    await worker.stopOnSignals();
    console.log((await queue.get(handle)).state);
    await queue.close();
    process.stdin.destroy();
  `;

  function run() {
    const args = ["--conditions=@org/source", "--input-type=module-typescript", "--eval", program];
    const child = spawn(process.execPath, args, { cwd: fileURLToPath(new URL("..", import.meta.url)) });
    let output = "";
    const said = (text: string) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (output.includes(text)) resolve();
        };
        for (const stream of [child.stdout, child.stderr]) stream.on("data", look);
        look();
      });
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => {
        output += chunk;
      });
    return { child, said, ended: once(child, "exit"), output: () => output };
  }

  it("drains at the first signal, and lets the program go on to its end", async () => {
    const { child, said, ended, output } = run();
    await said("started");
    child.kill("SIGTERM");
    await said("@org/queue: Got SIGTERM.");
    await said("waits up to 30 s for 1 running job. ");
    child.stdin.write("finish\n");
    expect(await ended).toEqual([0, null]);
    expect(output()).toContain("completed");
  });

  it("ends the process at the second one", async () => {
    const { child, said, ended } = run();
    await said("started");
    child.kill("SIGINT");
    await said("@org/queue: Got SIGINT.");
    child.kill("SIGTERM");
    expect(await ended).toEqual([143, null]);
  });

  it("resolves, and leaves no listener, when the worker is stopped otherwise", async () => {
    const { start } = setup();
    const before = process.listenerCount("SIGTERM");
    const worker = await start({ SCAN: () => {} });
    const stopped = worker.stopOnSignals({ timeout: "1m" });
    expect(process.listenerCount("SIGTERM")).toBe(before + 1);
    await worker.stop();
    await stopped;
    await worker.stopOnSignals();
    expect(process.listenerCount("SIGTERM")).toBe(before);
    expect(await rejection(worker.stopOnSignals({ timeout: "soon" as never }))).toMatchObject({
      code: "INVALID_OPTIONS",
    });
  });
});

describe("timeoutGrace", () => {
  const short = defineMessage("SHORT", {
    data: z.object({}),
    timeout: "1m",
    timeoutGrace: "10s",
    retry: { attempts: 1 },
  });
  const stage = () => {
    const { flaky, clock, settle } = setup();
    const queue = createQueue({ registry: createRegistry([short]), engine: flaky.engine, clock });
    return { queue, clock, settle, logger: new RecordingLogger() };
  };

  it("is five seconds unless the message says otherwise", () => {
    expect(planCreate.timeoutGrace).toBe(5_000);
    expect(short.timeoutGrace).toBe(10_000);
  });

  it.each([
    [9_999, "completed", undefined],
    [10_000, "failed", "TIMEOUT"],
  ])("after %i ms of it a handler that returns has %s", async (late, state, code) => {
    const { queue, clock, settle, logger } = stage();
    const gate = new Gate();
    const worker = createWorker(queue, { logger }).handle(short, () => gate.wait());
    await worker.start();
    const job = await queue.send(short, {});
    await settle();
    await clock.advance(60_000);
    await clock.advance(late);
    gate.open();
    await settle();
    const snapshot = await queue.get(job);
    expect([snapshot?.state, snapshot?.error?.code]).toEqual([state, code]);
    await worker.stop();
  });

  it("holds for a handler that blocks the event loop, too", async () => {
    const { queue, clock, settle, logger } = stage();
    // Time passes, and no timer has its turn.
    let skipped = 0;
    const blocked = { ...clock, now: () => clock.now() + skipped, after: clock.after.bind(clock) };
    const registry = createRegistry([short]);
    const blockable = createQueue({ registry, engine: queue.runtime.engine, clock: blocked });
    const worker = createWorker(blockable, { logger }).handle(short, () => {
      skipped = 70_000;
    });
    await worker.start();
    const job = await blockable.send(short, {});
    await settle();
    expect((await queue.get(job))?.error?.code).toBe("TIMEOUT");
    await worker.stop();
  });
});

describe("quiet", () => {
  it("finishes what runs, gives back what waits, and claims nothing more", async () => {
    const { queue, start, settle } = setup();
    const gate = new Gate<void>();
    const worker = await start({ SCAN: () => gate.wait() }, { concurrency: 1 });
    const [running, waiting] = await queue.sendMany([
      { message: scan, data: forward },
      { message: scan, data: forward },
    ]);
    await settle();
    worker.quiet();
    worker.quiet();
    const later = await queue.send(scan, forward);
    gate.open(undefined);
    await settle();
    expect(worker.stats()).toMatchObject({ state: "quiet", running: 0, buffered: 0, completed: 1 });
    const states = (await queue.getMany([running!, waiting!, later])).map((job) => [
      job?.state,
      job?.attempt,
    ]);
    expect(states).toEqual([
      ["completed", 1],
      ["queued", 0],
      ["queued", 0],
    ]);
    await expect(worker.start()).rejects.toMatchObject({ code: "CLOSED" });
    await worker.stop();
    expect(worker.stats().state).toBe("stopped");
  });
});

describe("the system's clock", () => {
  it("waits longer than the 24.8 days that one timer can", () => {
    vi.useFakeTimers();
    let calls = 0;
    systemClock.after(30 * DAY, () => calls++);
    const cancel = systemClock.after(60 * DAY, () => calls++);
    vi.advanceTimersByTime(30 * DAY - 1);
    expect(calls).toBe(0);
    vi.advanceTimersByTime(1);
    expect(calls).toBe(1);
    cancel();
    vi.advanceTimersByTime(60 * DAY);
    expect(calls).toBe(1);
    vi.useRealTimers();
  });
});
