import { createQueue, createWorker, memoryEngine } from "@org/queue";
import { createRegistry, defineMessage } from "@org/queue/contract";
import * as z from "zod";
import { type Measurement, median, type Suite } from "../measurement.ts";

const ping = defineMessage("PING", {
  data: z.object({ id: z.uuid(), name: z.string().min(1), count: z.int(), note: z.string() }),
  retain: { completed: { count: 1_000 } },
});
const registry = createRegistry([ping]);

/** About 250 bytes of JSON, as in the peers suite. */
const data = {
  id: "0198c6f1-6c1f-7a3a-9d0e-3f6f2c9a7b11",
  name: "A payload of an ordinary size",
  count: 42,
  note: "x".repeat(140),
};

const IN_FLIGHT = 200;

/** The embedded engine: sends and runs in one process, with parsing on both sides. */
export const engineSuite: Suite = {
  name: "engine",
  describes: "the memory engine: throughput by concurrency, and cost per job by backlog",
  async run({ quick, progress }) {
    const rounds = quick ? 3 : 7;
    const jobs = quick ? 50_000 : 200_000;
    const backlogs = [10_000, 1_000_000];
    const concurrencies = [1, 10, 100];
    const throughput = new Map<number, number[]>(concurrencies.map((concurrency) => [concurrency, []]));
    const cost = new Map<number, number[]>(backlogs.map((backlog) => [backlog, []]));
    for (const concurrency of concurrencies) await sendWhileRunning(jobs, concurrency);
    for (let round = 1; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}`);
      for (const concurrency of concurrencies) {
        throughput.get(concurrency)!.push(jobs / (await sendWhileRunning(jobs, concurrency)));
      }
      for (const backlog of backlogs) {
        cost.get(backlog)!.push(((await sendThenRun(jobs, backlog)) / jobs) * 1e6);
      }
    }
    const measurement = (
      name: string,
      metric: string,
      unit: string,
      values: readonly number[],
    ): Measurement => ({
      suite: "engine",
      case: name,
      system: "memory",
      metric,
      unit,
      value: median(values),
    });
    const [small, large] = backlogs.map((backlog) => cost.get(backlog)!);
    return [
      ...[...throughput].map(([concurrency, values]) =>
        measurement(`concurrency ${concurrency}`, "send and run", "jobs/s", values),
      ),
      ...[...cost].map(([backlog, values]) =>
        measurement(`${backlog.toLocaleString("en")} waiting`, "cost per job", "µs", values),
      ),
      measurement("1,000,000 against 10,000 waiting", "cost per job", "x", [median(large!) / median(small!)]),
    ];
  },
};

/** Seconds to send `jobs` jobs, 200 in flight, while a worker runs them. */
async function sendWhileRunning(jobs: number, concurrency: number): Promise<number> {
  await using queue = newQueue();
  const run = countRuns(queue, concurrency, jobs);
  return await seconds(async () => {
    await run.worker.start();
    await sendAll(queue, jobs);
    await run.finished;
  }, run.worker);
}

/**
 * Seconds to send `jobs` jobs behind `backlog` others and then to run as many, so that between `backlog` and
 * `backlog + jobs` jobs are waiting at any time.
 */
async function sendThenRun(jobs: number, backlog: number): Promise<number> {
  await using queue = newQueue();
  for (let sent = 0; sent < backlog; sent += 1_000) {
    await queue.sendMany(Array.from({ length: 1_000 }, () => ({ message: ping, data })));
  }
  const run = countRuns(queue, 100, jobs);
  return await seconds(async () => {
    await sendAll(queue, jobs);
    await run.worker.start();
    await run.finished;
  }, run.worker);
}

function newQueue() {
  globalThis.gc?.();
  return createQueue({ registry, engine: memoryEngine() });
}

async function sendAll(queue: ReturnType<typeof newQueue>, jobs: number): Promise<void> {
  for (let sent = 0; sent < jobs; sent += IN_FLIGHT) {
    await Promise.all(Array.from({ length: IN_FLIGHT }, () => queue.send(ping, data)));
  }
}

/** A worker whose handler does nothing, and a promise that resolves once it has run `jobs` jobs. */
function countRuns(queue: ReturnType<typeof newQueue>, concurrency: number, jobs: number) {
  const { promise: finished, resolve } = Promise.withResolvers<void>();
  let ran = 0;
  const worker = createWorker(queue, { concurrency }).handle(ping, async () => {
    if (++ran === jobs) resolve();
  });
  return { worker, finished };
}

async function seconds(work: () => Promise<void>, worker: { stop(): Promise<unknown> }): Promise<number> {
  const start = performance.now();
  await work();
  const took = (performance.now() - start) / 1_000;
  await worker.stop();
  return took;
}
