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
    const next = createQueue({
      registry: registryOf(2),
      engine: redisEngine({ url, namespace }),
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
    expect(waits[Math.floor(waits.length * 0.99)]).toBeLessThan(1_000);
    await next.close();
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(EXIT_CODES.OK);
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
