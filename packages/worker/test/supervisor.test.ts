import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createQueue, type Queue } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { startRedis, type TestServer } from "@org/test-servers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EXIT_CODES } from "../src/exit-codes.ts";
import { registryOf, workOf } from "./fixtures/messages.ts";
import { Program } from "./program.ts";

const FIXTURES = fileURLToPath(new URL("./fixtures", import.meta.url));
const work = workOf(1);

let server: TestServer;
let queue: Queue<typeof work>;
let program: Program;
let directory: string;
let count = 0;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

let namespace = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "queue-supervisor-"));
  namespace = `supervisor-${count++}`;
  queue = createQueue({ registry: registryOf(1), engine: redisEngine({ url: server.url, namespace }) });
});
afterEach(async () => {
  await program?.[Symbol.asyncDispose]();
  await queue.close();
  await rm(directory, { recursive: true, force: true });
});

function start(
  processes: number,
  settings: object = {},
  env: Readonly<Record<string, string>> = {},
): Program {
  program = new Program(["worker", "--processes", `${processes}`], {
    REDIS_URL: server.url,
    QUEUE_NAMESPACE: namespace,
    TEST_SETTINGS: JSON.stringify({ restarts: { pause: "50ms" }, ...settings }),
    ...env,
  });
  return program;
}

/** The ids of the processes that have said that they are ready, oldest first. */
function pids(): readonly number[] {
  return program.lines.filter(({ msg }) => msg.startsWith("Ready")).map(({ pid }) => pid as number);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a supervisor", () => {
  it("starts its processes, restarts one that is killed, and stops all", async () => {
    start(2);
    await program.line(/^All processes are ready/);
    const [victim] = pids();
    process.kill(victim!, "SIGKILL");
    const line = await program.line(/ended with signal SIGKILL/);
    expect(line).toMatchObject({ level: "warn", childPid: victim });
    await expect.poll(() => pids().length, { timeout: 30_000 }).toBe(3);
    const job = await queue.send(work, { act: "return" });
    await queue.wait(job);
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(EXIT_CODES.OK);
    expect(pids().filter(isAlive)).toEqual([]);
  });

  it("answers for all of its processes on one port", async () => {
    start(2, { endpoints: { port: 0, host: "127.0.0.1" } });
    const url = /http:\/\/\S+/.exec((await program.line(/^All processes are ready/)).msg)![0];
    const jobs = Array.from({ length: 50 }, () => ({ message: work, data: { act: "return" as const } }));
    for (const job of await queue.sendMany(jobs)) await queue.wait(job);
    const ask = (path: string) => fetch(new URL(path, url));
    await expect.poll(async () => (await ask("/readyz")).status, { timeout: 5_000 }).toBe(200);
    expect((await ask("/livez")).status).toBe(200);
    const metrics = await (await ask("/metrics")).text();
    const attempts = [...metrics.matchAll(/^queue_attempts_total\{.*outcome="completed".*\} (\d+)$/gm)];
    expect(attempts.map(([, value]) => Number(value)).reduce((sum, value) => sum + value, 0)).toBe(50);
    // The depth of a queue is the same for every process, so it isn't summed.
    const [, depth] = /^queue_jobs\{[^}]*state="completed"[^}]*\} (\d+)$/m.exec(metrics)!;
    expect(depth).toBe("50");
  });

  it("starts a process again that uses too much memory", async () => {
    start(2, { watch: { maxMemory: 320 }, stopTimeout: 100 });
    await program.line(/^All processes are ready/);
    const job = await queue.send(work, { act: "leak", milliseconds: 60_000 });
    await program.line(/more than its bound of 320 MB/);
    await program.line(/ended with code 75, to be started again/);
    await expect.poll(() => pids().length, { timeout: 30_000 }).toBe(3);
    expect(await queue.get(job)).toMatchObject({ stalls: 0 });
  });

  it("gives up on a crash loop, loudly, and ends the other processes", async () => {
    const file = join(directory, "broken");
    start(2, { restarts: { pause: "10ms", giveUpAfter: 3 } }, { TEST_BREAK_FILE: file });
    await program.line(/^All processes are ready/);
    await writeFile(file, "");
    process.kill(pids()[0]!, "SIGKILL");
    expect((await program.ended).code).toBe(EXIT_CODES.CRASH_LOOP);
    expect(await program.line(/isn't started again/)).toMatchObject({ level: "error" });
    expect(program.lines.filter(({ msg }) => /ended with/.test(msg))).toHaveLength(3);
  });

  it("takes its processes with it when it is killed", async () => {
    start(2);
    await program.line(/^All processes are ready/);
    const job = await queue.send(work, { act: "ignore-signals", milliseconds: 500 });
    await expect.poll(async () => (await queue.get(job))?.state, { interval: 10 }).toBe("active");
    program.child.kill("SIGKILL");
    await expect.poll(() => pids().filter(isAlive), { timeout: 30_000 }).toEqual([]);
    expect(await queue.get(job)).toMatchObject({ state: "completed", attempt: 1, stalls: 0 });
  });

  it("reports a blocked process with its job, kills it in the end, and the job runs again", async () => {
    start(2, {
      watch: { blockedFor: "300ms", killBlockedAfter: "4s" },
      worker: { lease: "1s", pollInterval: "100ms", maintenanceInterval: "100ms" },
    });
    await program.line(/^All processes are ready/);
    const job = await queue.send(work, { act: "block", milliseconds: 30_000 });
    await program.line(/gives no sign for/);
    await program.line(/is killed: it has given no sign/);
    await program.line(/is started again/);
    await queue.wait(job, { timeout: "10s" });
    expect(await queue.get(job)).toMatchObject({ state: "completed", stalls: 1 });
  });
});

describe("--watch", () => {
  it("starts again when a file changes: running attempts are given back first", async () => {
    const app = await mkdtemp(join(FIXTURES, "watched-"));
    try {
      const config = join(app, "queue.config.ts");
      await writeFile(config, 'export { default } from "../queue.config.ts";\n');
      program = new Program(["worker", "--watch", "--config", config], {
        REDIS_URL: server.url,
        QUEUE_NAMESPACE: namespace,
      });
      await program.line(/^All processes are ready/);
      const job = await queue.send(work, { act: "sleep", milliseconds: 2_000 });
      await expect.poll(async () => (await queue.get(job))?.state, { interval: 10 }).toBe("active");
      await mkdir(join(app, "node_modules"));
      await writeFile(join(app, "node_modules", "ignored.ts"), "");
      await writeFile(join(app, "handler.ts"), "export {};\n");
      expect((await program.line(/^Starting again/)).msg).toContain("handler.ts changed");
      expect((await program.line(/^Stopped/)).msg).toContain(`1 given back: ${job.id}`);
      await expect.poll(() => pids().length, { timeout: 30_000 }).toBe(2);
      await queue.wait(job);
      expect(await queue.get(job)).toMatchObject({ attempt: 1, stalls: 0 });
    } finally {
      await rm(app, { recursive: true });
    }
  });
});

describe("a rolling deploy at 1,000 jobs/s, with a new version of the contract in between", () => {
  it.each([{ by: "SIGHUP", maxP99: 1_000 }])(
    "by $by: nothing is lost, no attempt charged",
    async ({ maxP99 }) => {
      const file = join(directory, "version");
      await writeFile(file, "1");
      start(3, { stopTimeout: "5s" }, { TEST_VERSION_FILE: file });
      await program.line(/^All processes are ready/);
      const load = new Load(queue);
      await load.sent(300);
      await writeFile(file, "2");
      program.kill("SIGHUP");
      await program.line(/^Process 1 was replaced/);
      const next = createQueue({
        registry: registryOf(2),
        engine: redisEngine({ url: server.url, namespace }),
      });
      load.queue = next as unknown as Queue<typeof work>;
      await program.line(/^All processes are replaced/);
      await load.sent(load.count + 300);
      const jobs = await load.finish();
      const waits = jobs.map(({ createdAt, finishedAt }) => finishedAt!.getTime() - createdAt.getTime());
      expect(jobs.map(({ state, attempt, stalls }) => `${state} ${attempt} ${stalls}`)).toEqual(
        jobs.map(() => "completed 1 0"),
      );
      expect(new Set(jobs.map(({ version }) => version))).toEqual(new Set([1, 2]));
      waits.sort((a, b) => a - b);
      expect(waits[Math.floor(waits.length * 0.99)]).toBeLessThan(maxP99);
      await next.close();
      program.kill("SIGTERM");
      expect((await program.ended).code).toBe(EXIT_CODES.OK);
    },
  );

  it("by SIGKILL of one after another: nothing is lost, and each recovers within its lease and 2 s", async () => {
    start(3, { worker: { lease: "1s", concurrency: 20 } });
    await program.line(/^All processes are ready/);
    const load = new Load(queue);
    await load.sent(300);
    for (const [index, pid] of pids().slice(0, 3).entries()) {
      process.kill(pid, "SIGKILL");
      await expect.poll(() => pids().length, { timeout: 30_000 }).toBe(4 + index);
    }
    const jobs = await load.finish();
    expect(jobs.filter(({ state }) => state !== "completed")).toEqual([]);
    const waits = jobs.map(({ createdAt, finishedAt }) => finishedAt!.getTime() - createdAt.getTime());
    expect(Math.max(...waits)).toBeLessThan(3_000);
  });
});

/** Sends a thousand jobs a second, in batches, until it is told to finish. */
class Load {
  queue: Queue<typeof work>;
  readonly ids: string[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #sending: Promise<void>[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  #due = performance.now();

  constructor(queue: Queue<typeof work>) {
    this.queue = queue;
    this.#timer = setInterval(() => this.#sending.push(this.#send()), 10);
  }

  get count(): number {
    return this.ids.length;
  }

  async sent(count: number): Promise<void> {
    while (this.ids.length < count) await new Promise<void>((resolve) => this.#listeners.add(resolve));
  }

  /** Resolves with the jobs, once all have ended. */
  async finish() {
    clearInterval(this.#timer);
    await Promise.all(this.#sending);
    const { queue } = this;
    await expect
      .poll(async () => (await queue.stats()).queues.map(({ states }) => states.queued + states.active), {
        timeout: 20_000,
        interval: 50,
      })
      .toEqual([0]);
    const jobs = [];
    for (let start = 0; start < this.ids.length; start += 500) {
      jobs.push(...(await queue.getMany(this.ids.slice(start, start + 500))));
    }
    return jobs.map((job) => job!);
  }

  async #send(): Promise<void> {
    const items = [];
    for (; this.#due <= performance.now(); this.#due++)
      items.push({ message: work, data: { act: "return" as const } });
    const handles = await this.queue.sendMany(items);
    this.ids.push(...handles.map(({ id }) => id));
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }
}
