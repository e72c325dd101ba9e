import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import * as z from "zod";
import type { Engine } from "../src/engine/engine.ts";
import type { NewJob } from "../src/engine/job.ts";
import { isQueueError, QueueError } from "../src/errors/index.ts";
import { createQueue, createRegistry, createWorker, defineMessage } from "../src/index.ts";
import type { RedisConnection } from "../src/redis/connection/connection.ts";
import { IoredisConnection } from "../src/redis/connection/ioredis-connection.ts";
import type { Script } from "../src/redis/connection/script.ts";
import { redisEngine } from "../src/redis/index.ts";
import { RedisEngine } from "../src/redis/redis-engine.ts";
import { resolveRedisOptions } from "../src/redis/redis-options.ts";

/** What the conformance suite can't see from outside: lost answers, the order of calls, keys. */

let server: TestServer;
let admin: Redis;
let namespaces = 0;
const opened: Engine[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
}, 180_000);

afterEach(async () => {
  await Promise.all(opened.splice(0).map((engine) => engine.core.close()));
});

afterAll(async () => {
  await admin?.quit();
  await server?.stop();
});

type Run = RedisConnection["run"];

/** An engine whose calls pass through `between` on their way to the server. */
function openEngine(
  namespace = `engine-${namespaces++}`,
  between: (run: Run) => Run = (run) => run,
  tombstones = { age: 86_400_000, count: 100_000 },
): RedisEngine {
  const prefix = `{${namespace}}:`;
  const inner = new IoredisConnection(resolveRedisOptions({ url: server.url, namespace }), prefix);
  const run = between(inner.run.bind(inner));
  const connection = new Proxy<RedisConnection>(inner, {
    get(target, name) {
      if (name === "run") return run;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const engine = new RedisEngine({ connection, tombstones });
  opened.push(engine);
  return engine;
}

const KEEP = { age: 3_600_000, count: 10_000 };

function job(id: string, rest: Partial<NewJob> = {}): NewJob {
  return {
    envelope: { id, messageType: "M", version: 1, timestamp: "2026-01-01T00:00:00.000Z", data: "{}" },
    queue: "jobs",
    priority: 0,
    delay: 0,
    maxAttempts: 3,
    maxStalls: 3,
    retain: { completed: KEEP, failed: KEEP },
    dependsOn: [],
    ...rest,
  };
}

const CLAIM = { queues: ["jobs"], limit: 100, lease: 30_000 };

async function complete(engine: Engine, limit = 100) {
  const { jobs: claimed } = await engine.core.claim({ ...CLAIM, limit });
  const outcomes = claimed.map(({ id, epoch, token }) => ({ id, epoch, token, type: "complete" as const }));
  await engine.core.settle({ outcomes });
  return claimed.length;
}

function isScript(script: Script, name: string): boolean {
  return script.name === name;
}

const isSend = ({ name }: Script) => name === "send" || name === "enqueue";

test.each([
  ["of a message that the server doesn't know", false],
  ["of a message that it knows", true],
])(
  "sends %s are stored in the order they were made, also when the first arrives last",
  async (_, isKnown) => {
    const namespace = `engine-${namespaces++}`;
    if (isKnown) {
      const before = openEngine(namespace);
      await before.core.enqueue([{ jobs: [job("known")] }]);
      await complete(before);
    }
    let releaseFirst = () => {};
    const second = new Promise<void>((resolve) => (releaseFirst = resolve));
    let calls = 0;
    // As when the server forgot its scripts: the first call is made again after the second was answered.
    const engine = openEngine(namespace, (run) => async (script, args) => {
      if (!isSend(script)) return run(script, args);
      const isFirst = calls++ === 0;
      if (isFirst) await second;
      const answer = await run(script, args);
      releaseFirst();
      return answer;
    });
    await Promise.all(["a", "b", "c"].map((id) => engine.core.enqueue([{ jobs: [job(id)] }])));
    expect((await engine.core.claim(CLAIM)).jobs.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(calls).toBeGreaterThan(3);
  },
);

test("a send behind one that failed is stored all the same", async () => {
  let calls = 0;
  const engine = openEngine(undefined, (run) => async (script, args) => {
    if (isSend(script) && calls++ === 0) throw new QueueError("ENGINE_UNAVAILABLE", "gone");
    return run(script, args);
  });
  const [first, second] = await Promise.allSettled([
    engine.core.enqueue([{ jobs: [job("a")] }]),
    engine.core.enqueue([{ jobs: [job("b")] }]),
  ]);
  expect([first!.status, second!.status]).toEqual(["rejected", "fulfilled"]);
  expect((await engine.core.claim(CLAIM)).jobs.map(({ id }) => id)).toEqual(["b"]);
});

test("jobs of a claim whose answer was lost are given back before the next claim", async () => {
  let lose = true;
  const engine = openEngine(undefined, (run) => async (script, args) => {
    const answer = await run(script, args);
    if (isScript(script, "claim") && lose) throw new QueueError("ENGINE_UNAVAILABLE", "the answer was lost");
    return answer;
  });
  await engine.core.enqueue([
    { jobs: [job("a"), job("b", { ordering: { key: "k", onFailure: "continue" } })] },
  ]);
  const lost = await engine.core.claim(CLAIM).catch((error) => error);
  expect(isQueueError(lost, "ENGINE_UNAVAILABLE")).toBe(true);
  expect((await engine.inspect.get([{ id: "a" }, { id: "b" }])).map((record) => record?.state)).toEqual([
    "active",
    "active",
  ]);
  lose = false;
  const { jobs: claimed } = await engine.core.claim(CLAIM);
  expect(claimed.map(({ id, epoch, attempt, stalls }) => ({ id, epoch, attempt, stalls }))).toEqual([
    { id: "a", epoch: 2, attempt: 1, stalls: 0 },
    { id: "b", epoch: 2, attempt: 1, stalls: 0 },
  ]);
});

test("a job told to stop by another process is announced to the engine that holds it, with the reason", async () => {
  const namespace = `engine-${namespaces++}`;
  const [holder, other] = [openEngine(namespace), openEngine(namespace)];
  const heard = new Promise((resolve) => {
    void holder.operate.onCancelRequest((ids, reason) => resolve({ ids, reason }));
  });
  await holder.operate.onCancelRequest(() => {});
  await holder.core.enqueue([{ jobs: [job("a")] }]);
  await holder.core.claim(CLAIM);
  expect(await other.operate.cancel([{ id: "a" }], "no longer needed")).toEqual(["cancelling"]);
  expect(await heard).toEqual({ ids: ["a"], reason: "no longer needed" });
});

test("cleaning goes on past one step's window, and past jobs that others need", {
  timeout: 60_000,
}, async () => {
  const engine = openEngine();
  const ids = Array.from({ length: 2_500 }, (_, index) => `j${index}`);
  await engine.core.enqueue([{ jobs: ids.map((id) => job(id)) }]);
  while ((await complete(engine, 1_000)) > 0);
  // The oldest thousand are read by a job that hasn't ended.
  const dependsOn = ids.slice(0, 1_000).map((id) => ({ job: id, onFailure: "cancel" as const }));
  await engine.core.enqueue([{ jobs: [job("reader", { dependsOn, delay: 3_600_000 })] }]);
  expect(await engine.operate.clean({ state: "completed", olderThan: 0, limit: 10_000 })).toBe(1_500);
  const [counts] = await engine.queues.counts();
  expect(counts?.states.completed).toBe(1_000);
});

test("a renewal of some of a claim's jobs renews those alone", async () => {
  const engine = openEngine();
  await engine.core.enqueue([{ jobs: ["a", "b", "c"].map((id) => job(id)) }]);
  const [, b] = (await engine.core.claim({ ...CLAIM, lease: 50 })).jobs;
  expect(await engine.core.extend({ leases: [b!], lease: 60_000 })).toEqual([{ status: "held" }]);
  let requeued = 0;
  while (requeued === 0) requeued += (await engine.core.recover()).requeued;
  expect(requeued).toBe(2);
  const states = await engine.inspect.get([{ id: "a" }, { id: "b" }, { id: "c" }]);
  expect(states.map((record) => record?.state)).toEqual(["queued", "active", "queued"]);
});

test("when everything has ended and been cleaned, only what the data model says is left", async () => {
  const namespace = `engine-${namespaces++}`;
  const engine = openEngine(namespace);
  const ordering = { key: "k", onFailure: "continue" as const };
  await engine.core.enqueue([
    { jobs: [job("plain"), job("late", { delay: 1 }), job("urgent", { priority: 5 })] },
    { jobs: [job("one", { ordering }), job("two", { ordering }), job("three", { ordering })] },
    { jobs: [job("child"), job("parent", { dependsOn: [{ job: "child", onFailure: "cancel" }] })] },
    { jobs: [job("gone"), job("once", { dedupe: { key: "d", window: 60_000 } })] },
  ]);
  await engine.operate.cancel([{ id: "gone" }], "no");
  for (;;) {
    const { jobs: claimed } = await engine.core.claim({ ...CLAIM, run: 10 });
    if (claimed.length === 0) break;
    await engine.core.extend({
      leases: claimed.map(({ id, epoch, token }) => ({ id, epoch, token, progress: "1" })),
      lease: 30_000,
    });
    await engine.core.settle({
      outcomes: claimed.map(({ id, epoch, token, attempt }) =>
        id === "plain" && attempt === 1
          ? { id, epoch, token, type: "retry", delay: 0, error: '{"code":"X"}' }
          : { id, epoch, token, type: "complete", result: "1" },
      ),
    });
  }
  for (const state of ["completed", "failed", "cancelled"] as const) {
    await engine.operate.clean({ state, olderThan: 0, limit: 100 });
  }
  await engine.core.recover();
  const keys = (await admin.keys(`{${namespace}}:*`)).map((key) => key.slice(namespace.length + 3));
  const lasting = keys.filter((key) => !/^(metrics|sent|idle):/.test(key));
  expect(lasting.sort()).toEqual([
    "audit",
    "endings",
    "layout",
    "profiles",
    "queues",
    "running",
    "sequence",
    "tombs",
    "tombs:since",
  ]);
  expect(await admin.hgetall(`{${namespace}}:running`)).toEqual({ jobs: "0" });
  for (const key of keys.filter((name) => !lasting.includes(name))) {
    expect(await admin.pttl(`{${namespace}}:${key}`)).toBeGreaterThan(0);
  }
});

test("a dedupe key whose unfinished job was deleted from the server stores a new one", async () => {
  const engine = openEngine("lost");
  const dedupe = { key: "d", window: 60_000 };
  const send = async (id: string) => (await engine.core.enqueue([{ jobs: [job(id, { dedupe })] }]))[0];
  await send("a");
  await admin.del("{lost}:job:a");
  expect(await send("b")).toEqual({ ok: true, jobs: [{ id: "b", created: true }] });
  expect(await send("c")).toEqual({ ok: true, jobs: [{ id: "b", created: false }] });
});

test("a dedupe key is kept for an unfinished job, and expires with the window of a completed one", async () => {
  const engine = openEngine("expiring");
  await engine.core.enqueue([{ jobs: [job("a", { dedupe: { key: "d", window: 60_000 } })] }]);
  expect(await admin.pttl("{expiring}:dedupe:d")).toBe(-1);
  const [claimed] = (await engine.core.claim(CLAIM)).jobs;
  await engine.core.settle({ outcomes: [{ ...claimed!, type: "complete" }] });
  const left = await admin.pttl("{expiring}:dedupe:d");
  expect(left).toBeGreaterThan(50_000);
  expect(left).toBeLessThanOrEqual(70_000);
});

test("hashes that a batch fills are tables, with no field but the jobs", async () => {
  const engine = openEngine("tables");
  const children = Array.from({ length: 20 }, (_, index) => job(`child-${index}`));
  const parent = job("parent", {
    dependsOn: children.map(({ envelope }) => ({ job: envelope.id, onFailure: "cancel" as const })),
  });
  const hash = async (name: string) => {
    const key = `{tables}:${name}`;
    return [await admin.object("ENCODING", key), (await admin.hkeys(key)).length];
  };
  await engine.core.enqueue([{ jobs: [...children, parent] }]);
  expect(await hash("waiters")).toEqual(["hashtable", 20]);
  const { jobs: claimed } = await engine.core.claim(CLAIM);
  expect(await hash("active")).toEqual(["hashtable", 20]);
  await engine.core.settle({
    outcomes: claimed.map(({ id, epoch, token }) => ({ id, epoch, token, type: "complete" })),
  });
  expect(await hash("ended")).toEqual(["hashtable", 20]);
});

test("tombstones outlive at least as many removed jobs as they are to", async () => {
  const engine = openEngine(undefined, undefined, { age: 86_400_000, count: 10 });
  const none = { retain: { completed: { age: 0, count: 0 }, failed: KEEP } };
  for (let index = 0; index < 30; index++) {
    await engine.core.enqueue([{ jobs: [job(`j${index}`, none)] }]);
    await complete(engine);
  }
  const again = await engine.core.enqueue([{ jobs: [job("j20", none)] }, { jobs: [job("j29", none)] }]);
  expect(again).toEqual([
    { ok: true, jobs: [{ id: "j20", created: false }] },
    { ok: true, jobs: [{ id: "j29", created: false }] },
  ]);
  expect(await engine.core.enqueue([{ jobs: [job("j0", none)] }])).toEqual([
    { ok: true, jobs: [{ id: "j0", created: true }] },
  ]);
});

test("a handler hears at once that another process cancels its job", async () => {
  const namespace = `engine-${namespaces++}`;
  const message = defineMessage("SLOW", { data: z.object({}) });
  const registry = createRegistry([message]);
  const here = createQueue({ registry, engine: openEngine(namespace) });
  const there = createQueue({ registry, engine: openEngine(namespace) });
  // The next heartbeat would come after this test's time.
  const worker = createWorker(here, { lease: "5m" });
  let begin = () => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  worker.handle(message, async ({ signal }) => {
    begin();
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  await worker.start();
  const job = await there.send(message, {});
  await begun;
  await there.cancel(job, { reason: "no longer needed" });
  await expect(job.wait()).rejects.toMatchObject({ code: "JOB_CANCELLED" });
  await worker.stop();
  await Promise.all([here.close(), there.close()]);
});

test("engines on two databases of one server hear nothing of each other", async () => {
  const message = defineMessage("M", { data: z.any(), result: z.any() });
  const registry = createRegistry([message]);
  const namespace = `engine-${namespaces++}`;
  const open = (database: string) => {
    const engine = redisEngine({ url: `${server.url}${database}`, namespace });
    opened.push(engine);
    return createQueue({ registry, engine });
  };
  // An engine whose URL names no database is on 0.
  const [one, same, other] = [open("/0"), open(""), open("/1")];
  const heard = { one: [] as string[], same: [] as string[], other: [] as string[] };
  await one.subscribe(({ type }) => heard.one.push(type));
  await same.subscribe(({ type }) => heard.same.push(type));
  await other.subscribe(({ type }) => heard.other.push(type));
  const [first, second] = [
    await one.send(message, {}, { id: "same" }),
    await other.send(message, {}, { id: "same" }),
  ];
  const waits = [first.wait(), second.wait()];
  const worker = createWorker(one).handle(message, async () => "of one");
  await worker.start();
  expect(await waits[0]).toBe("of one");
  await worker.stop();
  const otherWorker = createWorker(other).handle(message, async () => "of the other");
  await otherWorker.start();
  expect(await waits[1]).toBe("of the other");
  await otherWorker.stop();
  expect(await same.wait("same")).toBe("of one");
  for (const events of Object.values(heard)) expect(events).toEqual(["queued", "active", "completed"]);
});

test("what isn't ours on a channel is ignored, and logged once", async () => {
  const message = defineMessage("M", { data: z.any(), result: z.any() });
  const registry = createRegistry([message]);
  const namespace = `engine-${namespaces++}`;
  const lines: string[] = [];
  const logger = {
    warn: (line: string) => void lines.push(line),
    error: (line: string) => void lines.push(line),
  };
  const queue = createQueue({ registry, logger, engine: openEngine(namespace) });
  const events: string[] = [];
  await queue.subscribe(({ type }) => void events.push(type));
  const worker = createWorker(queue).handle(message, async () => "done");
  await worker.start();
  let channels: string[] = [];
  await vi.waitFor(async () => {
    channels = (await admin.pubsub("CHANNELS", `{${namespace}}:*`)) as string[];
    expect(channels.length).toBe(2);
  });
  const event = (...fields: unknown[]) => JSON.stringify([1, [fields]]);
  const malformed = [
    "",
    "{",
    "null",
    "[]",
    "[1]",
    "[1,{}]",
    "[1,[[]]]",
    "[1,[null]]",
    `[1e400,[["completed","a","q","M",1]]]`,
    "[".repeat(100_000),
    event("exploded", "a", "q", "M", 1),
    event("__proto__", "a", "q", "M", 1),
    event("completed", 7, "q", "M", 1),
    event("completed", "a", "q", null, 1),
    event("completed", "a", "q", "M", "1"),
    "wake",
    "wake ",
    "wake a b",
    "wake ../etc",
    "cancel",
    "cancel a",
    "cancel a {",
    "cancel a null",
    'cancel a {"message":7}',
    "\u0000\ud83d",
    Buffer.from([0xff, 0xfe, 0x00, 0x80]),
    "x".repeat(1_000_000),
  ];
  for (const channel of channels) for (const text of malformed) await admin.publish(channel, text);
  // An ending whose texts aren't JSON rejects the waits for its job, and nothing else.
  await admin.publish(`{${namespace}}:0:events:|||`, event("completed", "a", "q", "M", 1, "{", false));
  const job = await queue.send(message, {});
  expect(await job.wait({ timeout: 4_000 })).toBe("done");
  await vi.waitFor(() => expect(events.slice(-3)).toEqual(["queued", "active", "completed"]));
  expect(events).toEqual(["completed", "queued", "active", "completed"]);
  expect(lines).toEqual([expect.stringMatching(/^@org\/queue: Redis: ignored a message on the channel/)]);
  await worker.stop();
  await queue.close();
});

test("a subscription that was lost and is back says so, and waits look again", async () => {
  const message = defineMessage("M", { data: z.any(), result: z.any() });
  const registry = createRegistry([message]);
  const namespace = `engine-${namespaces++}`;
  const queue = createQueue({ registry, engine: openEngine(namespace) });
  const other = openEngine(namespace);
  const onGap = vi.fn();
  const filtered = vi.fn();
  await queue.subscribe(() => {}, { onGap });
  await queue.subscribe(() => {}, { queues: ["default"], types: ["failed"], onGap: filtered });
  const job = await queue.send(message, {}, { id: "a" });
  const wait = job.wait({ timeout: 4_000 });
  const [claimed] = (await other.core.claim({ ...CLAIM, queues: ["default"] })).jobs;
  await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
  await other.core.settle({ outcomes: [{ ...claimed!, type: "complete", result: '"meanwhile"' }] });
  expect(onGap).not.toHaveBeenCalled();
  expect(await wait).toBe("meanwhile");
  await vi.waitFor(() => expect(onGap).toHaveBeenCalledTimes(1));
  expect(filtered).toHaveBeenCalledTimes(1);
  await queue.close();
});
