import { createQueue, createWorker, type Engine, memoryEngine, type Worker } from "@org/queue";
import { createRegistry, defineMessage } from "@org/queue/contract";
import { redisEngine } from "@org/queue/redis";
import * as z from "zod";
import { type Measurement, median, type Suite, type Verdict } from "../measurement.ts";
import { startServer } from "./peers/redis-server.ts";

const first = defineMessage("FIRST", { data: z.object({ n: z.int() }) });
const second = defineMessage("SECOND", { data: z.object({ n: z.int() }) });
const registry = createRegistry([first, second]);
type Messages = readonly (typeof first | typeof second)[];

const JOBS = 2_000;
const CONCURRENCY = 10;
const MAX_RATIO = 1.3;
/** Each worker of one message warns that it leaves the other one to others. */
const logger = { warn() {}, error: console.error };
const SINGLE_SENDS = 30;

const TOGETHER: readonly Messages[] = [[first, second]];
const APART: readonly Messages[] = [[first], [second]];

/** Opens the engine of one more process of the same app. Closing it is the caller's. */
type OpenEngine = () => Engine;

/** A queue with two messages: one worker that handles both, against two workers that handle one each. */
export const workersSuite: Suite = {
  name: "workers",
  describes: "one worker per message, against one worker for all messages of a queue; memory and Redis",
  async run({ quick, progress }) {
    const rounds = quick ? 3 : 9;
    await using server = await startServer();
    let apps = 0;
    const onRedis = (): OpenEngine => {
      const namespace = `workers-${apps++}`;
      return () => redisEngine({ url: server.url, namespace });
    };
    const inMemory = (): OpenEngine => {
      const engine = memoryEngine();
      return () => engine;
    };
    const measurements: Measurement[] = [];
    for (const [system, newApp] of [["memory", inMemory] as const, ["redis", onRedis] as const]) {
      const times = { together: [] as number[], apart: [] as number[] };
      for (let round = 0; round <= rounds; round++) {
        progress(`${system}, ${round === 0 ? "warm-up" : `round ${round} of ${rounds}`}`);
        const together = await runMixed(newApp(), TOGETHER);
        const apart = await runMixed(newApp(), APART);
        if (round === 0) continue;
        times.together.push(together);
        times.apart.push(apart);
      }
      const measure = (name: string, metric: string, unit: string, value: number) =>
        measurements.push({ suite: "workers", case: name, system, metric, unit, value });
      const mixed = `${JOBS.toLocaleString("en")} mixed jobs`;
      measure(mixed, "one worker for both", "ms", median(times.together));
      measure(mixed, "two workers, one message each", "ms", median(times.apart));
      measure(mixed, "two workers : one worker", "x", median(times.apart) / median(times.together));
      const starts = await startSingly(newApp());
      measure("one job, two idle workers", "from send to start, median", "ms", median(starts));
      measure("one job, two idle workers", "from send to start, slowest", "ms", Math.max(...starts));
    }
    return measurements;
  },
  judge: (measurements): readonly Verdict[] =>
    measurements
      .filter(({ metric }) => metric === "two workers : one worker")
      .map(({ system, value }) => ({
        promise: `${system}: two workers of one message each take at most ${MAX_RATIO}x as long as one worker for both`,
        found: `${value.toFixed(2)}x`,
        isMet: value <= MAX_RATIO,
      })),
};

/** Milliseconds from the send of jobs of both messages in turn until the last has run. */
async function runMixed(open: OpenEngine, handled: readonly Messages[]): Promise<number> {
  const { promise: finished, resolve } = Promise.withResolvers<void>();
  let ran = 0;
  await using app = await startApp(open, handled, () => {
    if (++ran === JOBS) resolve();
  });
  const items = Array.from({ length: JOBS }, (_, n) =>
    n % 2 === 0 ? { message: first, data: { n } } : { message: second, data: { n } },
  );
  const start = performance.now();
  await app.queue.sendMany(items);
  await finished;
  return performance.now() - start;
}

/** Milliseconds from each send of one job until its handler starts, while two workers of one message each are idle. */
async function startSingly(open: OpenEngine): Promise<readonly number[]> {
  let onStart = () => {};
  await using app = await startApp(open, APART, () => onStart());
  const took: number[] = [];
  for (let n = 0; n < SINGLE_SENDS; n++) {
    const started = new Promise<void>((resolve) => {
      onStart = resolve;
    });
    const start = performance.now();
    await app.queue.send(n % 2 === 0 ? first : second, { n });
    await started;
    took.push(performance.now() - start);
    await Promise.all(app.workers.map((worker) => worker.idle()));
  }
  return took;
}

async function startApp(open: OpenEngine, handled: readonly Messages[], onRun: () => void) {
  const newQueue = () => createQueue({ registry, engine: open(), logger });
  const queue = newQueue();
  const queues = handled.map(newQueue);
  const workers = handled.map((messages, index) => {
    const worker: Worker = createWorker(queues[index]!, { concurrency: CONCURRENCY });
    for (const message of messages) worker.handle(message, async () => onRun());
    return worker;
  });
  for (const worker of workers) await worker.start();
  return {
    queue,
    workers,
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await Promise.all([queue, ...queues].map((each) => each.close()));
    },
  };
}
