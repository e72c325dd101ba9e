import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import * as z from "zod/mini";
import type { CompleteEngine } from "../src/engine/engine.ts";
import type { EngineEvent } from "../src/engine/events.ts";
import { createQueue, createRegistry, defineMessage } from "../src/index.ts";
import { MAX_FILTERS } from "../src/redis/codec/event-filters.ts";
import { redisEngine } from "../src/redis/index.ts";
import { newJob } from "../src/testing/conformance/new-job.ts";

/** What the conformance suite can't see from outside: what is published, keys, lost connections. */

let server: TestServer;
let admin: Redis;
let namespace = "";
let namespaces = 0;
const opened: CompleteEngine[] = [];

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

/** An engine in the test's namespace. */
function open(): CompleteEngine {
  const engine = redisEngine({ url: server.url, namespace });
  opened.push(engine);
  return engine;
}

function openFirst(): CompleteEngine {
  namespace = `events-${namespaces++}`;
  return open();
}

async function published(): Promise<number> {
  return Number(/cmdstat_publish:calls=(\d+)/.exec(await admin.info("commandstats"))?.[1] ?? 0);
}

/** How many messages scripts publish while `act` runs. */
async function publishedBy(act: () => Promise<unknown>): Promise<number> {
  const before = await published();
  await act();
  return (await published()) - before;
}

async function send(engine: CompleteEngine, ...ids: readonly string[]): Promise<void> {
  await engine.core.enqueue([{ jobs: ids.map((id) => newJob({ id })) }]);
}

async function complete(engine: CompleteEngine, result?: string): Promise<void> {
  const { jobs } = await engine.core.claim({ queues: ["jobs"], limit: 100, lease: 30_000 });
  await engine.core.settle({
    outcomes: jobs.map(({ id, epoch, token }) => ({
      id,
      epoch,
      token,
      type: "complete",
      ...(result !== undefined && { result }),
    })),
  });
}

async function scriptCalls(): Promise<number> {
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info("commandstats"))?.[1] ?? 0);
}

const key = (name: string) => `{${namespace}}:${name}`;
const filters = () => admin.smembers(key("listeners"));

test("nothing is published while nobody listens, nor what nobody asks for", async () => {
  const [engine, other] = [openFirst(), open()];
  const run = async (id: string) => {
    await send(engine, id);
    await complete(engine);
  };
  await run("warm-up");
  expect(await publishedBy(() => run("a"))).toBe(0);

  const stopFailed = await other.events.subscribe({ types: ["failed", "requeued"], onEvent() {} });
  const stopQueue = await other.events.subscribe({ queues: ["elsewhere"], onEvent() {} });
  const stopJob = await other.events.subscribe({ jobs: [{ id: "nobody" }], onEvent() {} });
  expect(await publishedBy(() => run("b"))).toBe(0);

  const stopOne = await other.events.subscribe({ jobs: [{ id: "c" }], types: ["completed"], onEvent() {} });
  expect(await publishedBy(() => run("c"))).toBe(1);
  const stopTypes = await other.events.subscribe({ types: ["active"], onEvent() {} });
  const stopSame = await other.events.subscribe({ types: ["active"], onEvent() {} });
  expect(await publishedBy(() => run("d"))).toBe(1);

  await stopTypes();
  expect(await publishedBy(() => run("e"))).toBe(1);
  await stopSame();
  expect(await publishedBy(() => run("f"))).toBe(0);
  await Promise.all([stopFailed(), stopQueue(), stopJob(), stopOne()]);
  await vi.waitFor(async () => expect(await admin.exists(key("listeners"), key("watched"))).toBe(0));
});

test("engines with the same filter share its channel, and one that leaves takes nothing from the other", async () => {
  const [engine, other] = [openFirst(), open()];
  const events: EngineEvent[] = [];
  const filter = { types: ["queued"], messages: ["TEST_MESSAGE"] } as const;
  const stop = await engine.events.subscribe({ ...filter, onEvent() {} });
  await other.events.subscribe({ ...filter, onEvent: (event) => void events.push(event) });
  expect(await filters()).toEqual(["|,queued,||,TEST_MESSAGE,"]);
  expect(await publishedBy(() => send(engine, "a"))).toBe(1);
  await stop();
  await send(engine, "b");
  await vi.waitFor(() => expect(events.map(({ id }) => id)).toEqual(["a", "b"]));
});

test("filters and jobs of dead engines are dropped by the next step with such an event", async () => {
  const engine = openFirst();
  await send(engine, "a");
  await admin.sadd(key("listeners"), "|,active,||", "malformed");
  await admin.hset(key("watched"), "a", "0123abcd:|", " 0123abcd", "");
  await admin.hset(key("watched"), "b", "0123abcd:| 01234567:|,completed,");
  await engine.events.subscribe({ jobs: [{ id: "c" }], onEvent() {} });
  await admin.hset(key("watched"), "a", "0123abcd:|", " 0123abcd", "", "later", "0123abcd:|");
  await complete(engine);
  expect(await filters()).toEqual([]);
  expect((await admin.hkeys(key("watched"))).toSorted()).toEqual([expect.stringMatching(/^ /), "c", "later"]);
  const live = (await admin.hget(key("watched"), "c"))!;
  await admin.hset(key("watched"), "d", `0123abcd:| ${live} 01234567:d|`);
  await send(engine, "d");
  await complete(engine);
  expect(await admin.hget(key("watched"), "d")).toBe(live);
});

test("what thousands of watches of dead engines leave is gone after some renewals of one that lives", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  try {
    const [first, engine] = [openFirst(), open()];
    const ids = Array.from({ length: 8_000 }, (_, index) => `job-${index}`);
    await first.events.subscribe({ jobs: [{ id: "job-0" }], onEvent() {} });
    const live = (await admin.hget(key("watched"), "job-0"))!;
    const left = ids.flatMap((id, index) => [id, index < 3_000 ? live : `${live} 0123abcd:|,failed,`]);
    await admin.hset(key("watched"), " 0123abcd", "", ...left);
    await engine.events.subscribe({ jobs: [{ id: "own" }], onEvent() {} });
    for (let renewal = 0; renewal < 8_000 / 500; renewal++) {
      const before = await scriptCalls();
      vi.advanceTimersByTime(5_000);
      await vi.waitFor(async () => expect(await scriptCalls()).toBeGreaterThanOrEqual(before + 2));
    }
    const watched = await admin.hgetall(key("watched"));
    expect(Object.keys(watched)).not.toContain(" 0123abcd");
    expect(ids.filter((id) => watched[id] !== live)).toEqual([]);
  } finally {
    vi.useRealTimers();
  }
});

test("single sends of jobs that nobody watches keep their own script while others are watched", async () => {
  const [engine, other] = [openFirst(), open()];
  await send(engine, "warm-up");
  await send(engine, "warm-up-2");
  const seen: string[] = [];
  await other.events.subscribe({
    jobs: [{ id: "a" }],
    onEvent: ({ id, type }) => void seen.push(`${id} ${type}`),
  });
  const before = await scriptCalls();
  await send(engine, "b");
  expect((await scriptCalls()) - before).toBe(1);
  await send(engine, "a");
  await vi.waitFor(() => expect(seen).toEqual(["a queued"]));
});

test.for(["listeners", "watched", "listeners:queued"])(
  "a key of the wrong type in place of %s stops no step, and subscriptions are in force again",
  async (name) => {
    const engine = openFirst();
    const heard: string[] = [];
    const onEvent = ({ id, type }: EngineEvent) => void heard.push(`${id} ${type}`);
    await engine.events.subscribe({ jobs: [{ id: "a" }], types: ["completed"], onEvent });
    await engine.events.subscribe({ types: ["active"], onEvent });
    await admin.del(key(name));
    await admin.rpush(key(name), "x");
    await send(engine, "a");
    await complete(engine);
    const onGap = vi.fn();
    await engine.events.subscribe({ jobs: [{ id: "b" }], onEvent, onGap });
    await engine.events.subscribe({ types: ["queued"], onEvent, onGap });
    await send(engine, "b");
    await vi.waitFor(() => expect(heard.filter((event) => event === "b queued").length).toBe(2));
    expect((await engine.core.health()).ok).toBe(true);
  },
);

test("filters and watches expire with their engines", async () => {
  const engine = openFirst();
  await engine.events.subscribe({ onEvent() {} });
  await engine.events.subscribe({ jobs: [{ id: "a" }], onEvent() {} });
  for (const name of ["listeners", "watched"]) {
    const left = await admin.pttl(key(name));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(30_000);
  }
});

test("FLUSHALL is noticed: subscriptions are in force again, and their listeners read again", async () => {
  const engine = openFirst();
  const heard: string[] = [];
  const gaps: string[] = [];
  const subscribe = (name: string, ...ids: readonly string[]) =>
    engine.events.subscribe({
      types: ["queued"],
      ...(ids.length > 0 && { jobs: ids.map((id) => ({ id })) }),
      onEvent: ({ id }) => void heard.push(`${name} ${id}`),
      onGap: () => void gaps.push(name),
    });
  await subscribe("filter");
  await subscribe("job", "a", "b");
  await admin.flushall();
  await vi.waitFor(() => expect(gaps.sort()).toEqual(["filter", "job"]), { timeout: 15_000 });
  await send(engine, "a", "b", "c");
  await vi.waitFor(() => expect(heard.length).toBe(5));
  expect(heard.sort()).toEqual(["filter a", "filter b", "filter c", "job a", "job b"]);
}, 30_000);

test("a lost connection is a gap, reported to listeners once the subscription is in force again", async () => {
  const [engine, other] = [openFirst(), open()];
  const heard: string[] = [];
  const inForce: unknown[] = [];
  const onGap = async () => void inForce.push(await admin.exists(key("listeners"), key("watched")));
  await engine.events.subscribe({ onEvent: ({ id }) => void heard.push(`all ${id}`), onGap });
  await engine.events.subscribe({
    jobs: [{ id: "a" }],
    onEvent: ({ id }) => void heard.push(`job ${id}`),
    onGap,
  });
  await other.core.health();
  await admin.del(key("listeners"), key("watched"));
  await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
  await vi.waitFor(() => expect(inForce.length).toBe(2));
  expect(inForce.at(-1)).toBe(2);
  await send(other, "a");
  await vi.waitFor(() => expect(heard.sort()).toEqual(["all a", "job a"]));
});

test("a wait that begins while the connection for messages is lost isn't left to its poll", async () => {
  const [engine, other] = [openFirst(), open()];
  const registry = createRegistry([defineMessage("TEST_MESSAGE", { data: z.unknown() })]);
  const queue = createQueue({ registry, engine, closeEngine: false });
  await engine.events.subscribe({ onEvent() {} });
  await send(other, "a");
  const killed = admin.call("CLIENT", "KILL", "TYPE", "pubsub");
  const ended = queue.wait("a", { timeout: "3s" });
  await killed;
  await vi.waitFor(async () => expect((await engine.core.health()).ok).toBe(true));
  await complete(other);
  await ended;
  await queue.close();
});

test("more filters than a namespace takes still select what they ask for", async () => {
  const engine = openFirst();
  const heard: string[] = [];
  const names = Array.from({ length: MAX_FILTERS + 5 }, (_, index) => `message-${index}`);
  for (const message of names) {
    const onEvent = ({ messageType, ending }: EngineEvent) => heard.push(`${messageType} ${ending}`);
    await engine.events.subscribe({ types: ["queued", "cancelled"], messages: [message], onEvent });
  }
  expect((await filters()).length).toBe(MAX_FILTERS + 1);
  const last = names.at(-1)!;
  await engine.core.enqueue([{ jobs: [newJob({ id: "a", messageType: last })] }]);
  await engine.operate.cancel([{ id: "a" }], "stop");
  await vi.waitFor(() => expect(heard).toEqual([`${last} undefined`, `${last} undefined`]));
});

test("large results are published in messages of bounded size, to those who ask for them", async () => {
  const engine = openFirst();
  const sizes: number[] = [];
  await engine.events.subscribe({
    types: ["completed"],
    detail: true,
    onEvent: ({ ending }) => void sizes.push(ending!.result!.length),
  });
  const ids = Array.from({ length: 12 }, (_, index) => `large-${index}`);
  await send(engine, ...ids);
  const result = JSON.stringify("x".repeat(300_000));
  expect(await publishedBy(() => complete(engine, result))).toBe(3);
  await vi.waitFor(() => expect(sizes).toEqual(ids.map(() => result.length)));
});
