import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  memoryEngine,
  type Queue,
} from "@org/queue";
import { alterEngine } from "@org/queue/testing";
import { AggregatorRegistry } from "prom-client";
import { afterEach, expect, test } from "vitest";
import * as z from "zod";
import { WorkerMetrics } from "../src/endpoints/worker-metrics.ts";
import { type Family, parsePrometheus } from "./prometheus-text.ts";

const mail = defineMessage("MAIL", { data: z.object({ fails: z.boolean() }), queue: "mails" });
const scan = defineMessage("SCAN", { data: z.object({}), orderingKey: () => `${keys++}` });
let keys = 0;
const registry = createRegistry([mail, scan]);

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(options: Partial<Parameters<typeof createQueue>[0]> = {}) {
  const queue = createQueue({ registry, logger: { warn() {}, error() {} }, ...options }) as unknown as Queue<
    typeof mail | typeof scan
  >;
  closers.push(() => queue.close());
  const metrics = new WorkerMetrics(queue as unknown as Queue);
  queue.use(metrics.middleware);
  return { queue, metrics, scrape: async () => parsePrometheus((await metrics.text()).text) };
}

async function work(queue: Queue<typeof mail | typeof scan>) {
  const worker = createWorker(queue, { concurrency: 50 }).handleAll({
    MAIL: ({ data }) => {
      if (data.fails) throw new Error("refused");
    },
    SCAN: () => {},
  });
  closers.push(() => worker.stop());
  await worker.start();
  return worker;
}

function total(families: ReadonlyMap<string, Family>, name: string, labels: Record<string, string> = {}) {
  const family = [...families.values()].find((each) => each.samples.some((sample) => sample.name === name));
  const found = family?.samples.filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  return found?.length ? found.reduce((sum, { value }) => sum + value, 0) : undefined;
}

test("attempts are counted by outcome, timed, and shown while they run", async () => {
  const { queue, scrape } = await open();
  expect(total(await scrape(), "queue_attempts_total", { message: "MAIL", outcome: "failed" })).toBe(0);
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let started = () => {};
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  const worker = createWorker(queue).handleAll({
    MAIL: async ({ data }) => {
      if (data.fails) throw new Error("refused");
      started();
      await released;
    },
    SCAN: () => {},
  });
  closers.push(() => worker.stop());
  await worker.start();
  await queue.send(mail, { fails: true }, { attempts: 1 });
  await queue.send(mail, { fails: false });
  await running;
  expect(total(await scrape(), "queue_attempts_running", { queue: "mails", message: "MAIL" })).toBe(1);
  release();
  await worker.idle();
  const families = await scrape();
  const labels = { queue: "mails", message: "MAIL" };
  expect(total(families, "queue_attempts_total", { ...labels, outcome: "completed" })).toBe(1);
  expect(total(families, "queue_attempts_total", { ...labels, outcome: "failed" })).toBe(1);
  expect(total(families, "queue_attempts_running", labels)).toBe(0);
  expect(total(families, "queue_run_seconds_count", labels)).toBe(2);
  expect(total(families, "queue_wait_seconds_count", labels)).toBe(2);
  expect(total(families, "queue_wait_seconds_bucket", { ...labels, le: "60" })).toBe(2);
  expect(total(families, "queue_jobs", { queue: "mails", state: "completed" })).toBe(1);
  expect(total(families, "queue_engine_up")).toBe(1);
  expect(total(families, "process_resident_memory_bytes")).toBeGreaterThan(0);
});

test("a blocked event loop shows in its lag, to each of several scrapers", async () => {
  const { scrape } = await open();
  await new Promise((resolve) => setTimeout(resolve, 1));
  const blockedUntil = performance.now() + 400;
  while (performance.now() < blockedUntil);
  await new Promise((resolve) => setTimeout(resolve, 1));
  for (const families of [await scrape(), await scrape()]) {
    const sum = total(families, "queue_event_loop_lag_seconds_sum");
    expect(sum).toBeGreaterThan(0.2);
    expect(sum).toBeLessThan(10);
    expect([...families.keys()].filter((name) => name.startsWith("nodejs_eventloop"))).toEqual([]);
  }
});

test("the time that a job was delayed isn't waiting", async () => {
  const { queue, scrape } = await open();
  await scrape();
  await work(queue);
  await (await queue.send(scan, {}, { delay: 600 })).wait();
  expect(total(await scrape(), "queue_wait_seconds_bucket", { message: "SCAN", le: "0.5" })).toBe(1);
});

test("users, ordering keys and foreign names add no series", async () => {
  const engine = memoryEngine();
  const { queue, scrape } = await open({ engine });
  const foreign = createRegistry(
    Array.from({ length: 200 }, (_, index) =>
      defineMessage(`FOREIGN_${index}`, {
        data: z.object({}),
        queue: `foreign-${index}`,
        retry: { attempts: 1 },
      }),
    ),
  );
  const others = createQueue({ registry: foreign, engine, closeEngine: false });
  // It works for foreign messages too, as a worker of two apps does.
  const metrics = new WorkerMetrics(queue as unknown as Queue);
  others.use(metrics.middleware);
  const othersWorker = createWorker(others).handleAll(
    Object.fromEntries(foreign.messages.map(({ name }) => [name, () => undefined])) as never,
  );
  await othersWorker.start();
  const worker = await work(queue);
  const round = async (from: number) => {
    await others.sendMany(foreign.messages.map((message) => ({ message, data: {} })) as never);
    await queue.sendMany(
      Array.from({ length: 5_000 }, (_, index) => ({
        message: scan,
        data: {},
        options: { userId: `user-${from + index}` },
      })),
    );
    await Promise.all([worker.idle(), othersWorker.idle()]);
    const own = [...(await scrape()), ...parsePrometheus((await metrics.text()).text)];
    return own.filter(([name]) => name.startsWith("queue_")).flatMap(([, { samples }]) => samples);
  };
  await round(0);
  const before = await round(5_000);
  const after = await round(10_000);
  expect(after.length).toBe(before.length);
  expect(new Set(after.map(({ labels }) => labels.message ?? "MAIL"))).toEqual(
    new Set(["MAIL", "SCAN", "other"]),
  );
  expect(new Set(after.map(({ labels }) => labels.queue ?? "mails"))).toEqual(
    new Set(["mails", "default", "other"]),
  );
  await othersWorker.stop();
  await others.close();
});

test("an engine that fails or hangs is counted, and the other metrics are served", async () => {
  let answer: "fail" | "hang" | "well" = "fail";
  let calls = 0;
  const base = memoryEngine();
  const engine = alterEngine(base, {
    queues: {
      counts: () => {
        calls++;
        if (answer === "fail") return Promise.reject(new Error("no connection"));
        return answer === "hang" ? new Promise<never>(() => {}) : base.queues.counts();
      },
    },
  });
  const { scrape } = await open({ engine });
  const failed = await scrape();
  expect(total(failed, "queue_scrape_errors_total", { source: "engine" })).toBe(1);
  expect(total(failed, "queue_engine_up")).toBe(0);
  expect(total(failed, "queue_engine_latency_seconds")).toBeUndefined();
  expect(total(failed, "queue_jobs")).toBeUndefined();
  expect(total(failed, "process_resident_memory_bytes")).toBeGreaterThan(0);
  answer = "hang";
  const [hung] = await Promise.all([scrape(), scrape(), scrape()]);
  expect(total(hung!, "queue_engine_up")).toBe(0);
  expect(calls).toBe(2);
  answer = "well";
});

test("the outbox's backlog is told where there is an outbox", async () => {
  const { scrape } = await open();
  expect(total(await scrape(), "queue_outbox_jobs")).toBeUndefined();
  let backlog: () => Promise<{ jobs: number; oldest?: number }> = async () => ({ jobs: 7, oldest: 1_500 });
  const outbox = {
    add: async () => {},
    start: async () => ({ stop: async () => {} }),
    backlog: () => backlog(),
  };
  const withOutbox = await open({ outbox });
  const families = await withOutbox.scrape();
  expect(total(families, "queue_outbox_jobs")).toBe(7);
  expect(total(families, "queue_outbox_lag_seconds")).toBe(1.5);
  backlog = async () => Promise.reject(new Error("no database"));
  const failed = await withOutbox.scrape();
  expect(total(failed, "queue_outbox_jobs")).toBeUndefined();
  expect(total(failed, "queue_scrape_errors_total", { source: "outbox" })).toBe(1);
});

test("figures of several processes are summed, except those that all of them tell", async () => {
  const engine = memoryEngine();
  const first = await open({ engine });
  const second = await open({ engine });
  await Promise.all([first.scrape(), second.scrape()]);
  const worker = await work(first.queue);
  await first.queue.send(scan, {});
  await worker.idle();
  await worker.stop();
  const secondWorker = await work(second.queue);
  await first.queue.send(scan, {});
  await secondWorker.idle();
  // As they travel between processes.
  const answers = JSON.parse(JSON.stringify([await first.metrics.json(), await second.metrics.json()]));
  const families = parsePrometheus(await AggregatorRegistry.aggregate(answers).metrics());
  expect(total(families, "queue_attempts_total", { message: "SCAN", outcome: "completed" })).toBe(2);
  expect(total(families, "queue_run_seconds_count", { message: "SCAN" })).toBe(2);
  expect(total(families, "queue_wait_seconds_count", { message: "SCAN" })).toBe(2);
  expect(total(families, "queue_jobs", { queue: "default", state: "completed" })).toBe(2);
  expect(total(families, "queue_engine_up")).toBe(1);
});
