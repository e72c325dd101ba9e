import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createQueue, type Queue } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { describe, expect, it } from "vitest";
import { EXIT_CODES } from "../src/exit-codes.ts";
import { registryOf } from "./fixtures/messages.ts";
import { useScene, work } from "./support/supervised.ts";

const scene = useScene();

describe("a rolling deploy at 1,000 jobs/s, with a new version of the contract in between", () => {
  it("by SIGHUP: nothing is lost, no attempt charged, and p99 stays under a second", async () => {
    const { queue, url, namespace, directory, start } = scene.current;
    const file = join(directory, "version");
    await writeFile(file, "1");
    const program = start(3, { stopTimeout: "5s" }, { TEST_VERSION_FILE: file, QUEUE_LOG_LEVEL: "info" });
    await program.line(/^All processes are ready/);
    const load = new Load(queue);
    await load.sent(300);
    await writeFile(file, "2");
    program.kill("SIGHUP");
    await program.line(/^Process 1 was replaced/);
    load.queue = nextQueue(url, namespace);
    const { queue: next } = load;
    await program.line(/^All processes are replaced/);
    await load.sent(load.count + 300);
    expectUntouched(await load.finish());
    await next.close();
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(EXIT_CODES.OK);
  });

  it("by SIGTERM of separate processes, as on Kubernetes: the same", async () => {
    const { queue, url, namespace, directory, run } = scene.current;
    const file = join(directory, "version");
    const startWorker = async () => {
      const worker = run(["worker"], {
        TEST_VERSION_FILE: file,
        TEST_SETTINGS: JSON.stringify({ stopTimeout: "5s" }),
        QUEUE_LOG_LEVEL: "warn",
      });
      const pids = async () => (await queue.workers()).map(({ process }) => process);
      await expect.poll(pids, { timeout: 20_000, interval: 50 }).toContain(worker.child.pid);
      return worker;
    };
    await writeFile(file, "1");
    const old = await Promise.all([startWorker(), startWorker(), startWorker()]);
    const load = new Load(queue);
    await load.sent(200);
    await writeFile(file, "2");
    for (const [index, worker] of old.entries()) {
      await startWorker();
      if (index === 0) load.queue = nextQueue(url, namespace);
      worker.kill("SIGTERM");
      expect((await worker.ended).code).toBe(EXIT_CODES.OK);
    }
    const { queue: next } = load;
    await load.sent(load.count + 200);
    expectUntouched(await load.finish());
    await next.close();
  });

  it("by SIGKILL of one after another: nothing is lost, and each recovers within its lease and 2 s", async () => {
    const { queue, start, pids } = scene.current;
    const program = start(3, { worker: { lease: "1s", concurrency: 20 } }, { QUEUE_LOG_LEVEL: "info" });
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

/** The app's queue after the deploy. */
function nextQueue(url: string, namespace: string) {
  const engine = redisEngine({ url, namespace });
  return createQueue({ registry: registryOf(2), engine }) as unknown as Queue<typeof work>;
}

/** All completed at their first attempt, in both versions, and 99 of 100 within a second. */
function expectUntouched(jobs: Awaited<ReturnType<Load["finish"]>>): void {
  expect(
    jobs.filter(({ state, attempt, stalls }) => `${state} ${attempt} ${stalls}` !== "completed 1 0"),
  ).toEqual([]);
  expect(new Set(jobs.map(({ version }) => version))).toEqual(new Set([1, 2]));
  const waits = jobs.map(({ createdAt, finishedAt }) => finishedAt!.getTime() - createdAt.getTime());
  waits.sort((a, b) => a - b);
  expect(waits[Math.floor(waits.length * 0.99)]).toBeLessThan(1_000);
}

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
