import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { redisEngine } from "../src/redis/index.ts";
import { MAX_METRICS_FIELDS } from "../src/redis/metrics-limits.ts";
import { newJob } from "../src/testing/conformance/new-job.ts";

const NAMESPACE = "single";
const PREFIX = `{${NAMESPACE}}:`;
const CLAIM = { queues: ["jobs"], limit: 100, lease: 30_000 };

let server: TestServer;
let admin: Redis;
let engine: ReturnType<typeof redisEngine>;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
}, 180_000);

afterAll(async () => {
  await admin?.quit();
  await server?.stop();
});

beforeEach(async () => {
  await admin.flushall();
  engine = redisEngine({ url: server.url, namespace: NAMESPACE });
  await send("before");
  await drain();
  await admin.config("RESETSTAT");
});

afterEach(() => engine.core.close());

async function send(id: string) {
  const [outcome] = await engine.core.enqueue([{ jobs: [newJob({ id })] }]);
  if (!outcome?.ok) throw new Error(`The send of ${id} was refused.`);
  return outcome.jobs[0]!.created;
}

async function claimed() {
  return (await engine.core.claim(CLAIM)).jobs.map(({ id }) => id);
}

async function drain() {
  const { jobs } = await engine.core.claim(CLAIM);
  await engine.core.settle({ outcomes: jobs.map((job) => ({ ...job, type: "complete" })) });
}

/** Scripts that the server has run. */
async function scriptsRun() {
  const stats = await admin.info("commandstats");
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

test("one plain job takes one script, whose commands are few", async () => {
  expect(await send("a")).toBe(true);
  expect(await scriptsRun()).toBe(1);
  expect(await claimed()).toEqual(["a"]);
});

test("a repeat of the id stores nothing, whether the job waits, has ended or is only remembered", async () => {
  await send("a");
  expect(await send("a")).toBe(false);
  await drain();
  expect(await send("a")).toBe(false);
  await engine.operate.remove([{ id: "a" }]);
  expect(await send("a")).toBe(false);
  expect(await claimed()).toEqual([]);
});

test("an id whose cancelled entry is still in the list is claimed once", async () => {
  await send("a");
  await send("b");
  await engine.operate.cancel([{ id: "a" }], "not needed");
  await engine.operate.retry([{ id: "a" }]);
  await send("c");
  expect((await claimed()).toSorted()).toEqual(["a", "b", "c"]);
});

test("subscribers are called", async () => {
  const seen: string[] = [];
  await engine.events.subscribe({ onEvent: ({ type, id }) => seen.push(`${type} ${id}`) });
  await send("a");
  await expect.poll(() => seen).toEqual(["queued a"]);
});

test("it is counted with the other sends, and a waiting engine is woken", async () => {
  const waiting = engine.core.waitForWork({
    queues: ["jobs"],
    timeout: 60_000,
    signal: new AbortController().signal,
  });
  await expect.poll(() => admin.exists(`${PREFIX}idle:jobs`)).toBe(1);
  await send("a");
  await waiting;
  const [bucket] = await engine.queues.metrics({ since: 0 });
  expect(bucket).toMatchObject({ queue: "jobs", sent: 2 });
});

test("a message beyond those that are counted apart is counted with the rest", async () => {
  await send("a");
  const minute = Date.now() - (Date.now() % 60_000);
  const others = Object.fromEntries(
    Array.from({ length: MAX_METRICS_FIELDS }, (_, index) => [`OTHER_${index} completed`, 1]),
  );
  // Also the next minute, which may have begun.
  const keys = [minute, minute + 60_000].map((at) => `${PREFIX}metrics:more:${at}`);
  for (const key of keys) await admin.hset(key, others);
  await engine.core.enqueue([{ jobs: [newJob({ id: "warm-up", queue: "more" })] }]);
  await engine.core.enqueue([{ jobs: [newJob({ id: "b", queue: "more" })] }]);
  const buckets = await engine.queues.metrics({ since: 0 });
  const rest = buckets.filter(({ queue, message }) => queue === "more" && message === undefined);
  expect(rest.reduce((sum, { sent }) => sum + sent, 0)).toBe(2);
  for (const key of keys) expect(await admin.hlen(key)).toBeLessThanOrEqual(MAX_METRICS_FIELDS + 1);
});

test.each(["profiles", "sequence", "fresh:jobs", "queues", "tombs", "sent:"])(
  "a key of the wrong type in place of %s is moved aside, and the job is stored once",
  async (name) => {
    const [key = PREFIX + name] = name === "sent:" ? await admin.keys(`${PREFIX}sent:*`) : [];
    await admin.del(key);
    if (name === "sequence" || name === "sent:") await admin.rpush(key, "x");
    else await admin.set(key, "x");
    expect(await send("a")).toBe(true);
    expect(await send("a")).toBe(false);
    expect(await send("b")).toBe(true);
    expect(await claimed()).toEqual(["a", "b"]);
    expect(await admin.llen(`${PREFIX}fresh:jobs`)).toBe(0);
  },
);

test("a lost counter of sequences goes on above all that it gave", async () => {
  await send("a");
  await admin.del(`${PREFIX}sequence`);
  await send("b");
  await send("c");
  expect(await claimed()).toEqual(["a", "b", "c"]);
  expect(Number(await admin.get(`${PREFIX}sequence`))).toBeGreaterThan(1_000_000_000_000);
});
