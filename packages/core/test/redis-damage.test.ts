import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import type { ClaimedJob } from "../src/engine/core.ts";
import { createQueue, createRegistry, createWorker, defineMessage } from "../src/index.ts";
import { redisEngine } from "../src/redis/index.ts";
import { type Bench, claim, complete, LEASE, open, PREFIX, START, send } from "./redis-damage-support.ts";
import { RecordingLogger } from "./runtime-support.ts";

/** What an evicting server, an operator's slip or another program does to the engine's keys. */

let server: TestServer;

beforeAll(async () => {
  server = await startRedis();
}, 180_000);

afterAll(async () => {
  await server?.stop();
});

/** A job in every state and structure. Ids begin with what may be damaged (`v`) or with what may not (`i`). */
async function fill(bench: Bench): Promise<readonly ClaimedJob[]> {
  const { engine } = bench;
  await engine.core.recover();
  await send(
    bench,
    { id: "v-done" },
    { id: "v-failed" },
    { id: "v-tomb" },
    { id: "v-ended", orderingKey: "e" },
  );
  const [done, failed, tomb, ended] = await claim(bench, ["jobs"]);
  await complete(bench, [done!, tomb!, ended!]);
  const group = { fingerprint: "g1", code: "X", title: "x" };
  const error = '{"code":"X","message":"x"}';
  await engine.core.settle({ outcomes: [{ ...failed!, type: "fail", error, group }] });
  await engine.operate.remove([{ id: "v-tomb" }]);
  await send(
    bench,
    { id: "v-held", queue: "held", orderingKey: "r" },
    { id: "v-reserved", queue: "held", orderingKey: "r" },
    { id: "v-next", queue: "held", orderingKey: "r" },
    { id: "i-held", queue: "held" },
  );
  const { jobs: held } = await engine.core.claim({ queues: ["held"], limit: 3, lease: LEASE, run: 2 });
  const [first] = held;
  await engine.core.extend({
    leases: [{ ...first!, progress: "1", logs: [{ at: 1, message: "log" }] }],
    lease: LEASE,
  });
  for (const whose of ["v", "i"]) {
    await send(
      bench,
      { id: `${whose}-plain` },
      { id: `${whose}-urgent`, priority: 5, search: { tenant: whose } },
      { id: `${whose}-late`, delay: 1_000 },
      { id: `${whose}-root`, priority: 1 },
      { id: `${whose}-child`, dependsOn: [`${whose}-root`] },
      ...Array.from({ length: 10 }, (_, index) => ({
        id: `${whose}-many-${index}`,
        dependsOn: [`${whose}-plain`],
      })),
      { id: `${whose}-k1`, orderingKey: whose },
      { id: `${whose}-k2`, orderingKey: whose },
      { id: `${whose}-k3`, orderingKey: whose },
      { id: `${whose}-once`, dedupe: { key: `M:${whose}`, window: 60_000 } },
      { id: `${whose}-gone` },
      { id: `${whose}-left`, dependsOn: [`${whose}-plain`] },
    );
  }
  const cancelled = ["v-gone", "i-gone", "v-left", "i-left"].map((id) => ({ id }));
  await engine.operate.cancel(cancelled, "no");
  await send(bench, { id: "v-quiet", queue: "quiet" });
  await engine.queues.pause("quiet");
  return held;
}

/** The database as it is. Answers what makes it so again, which takes a tenth of filling it. */
async function snapshot({ admin }: Bench): Promise<() => Promise<unknown>> {
  const keys = await admin.keys("*");
  const saved = await Promise.all(
    keys.map(async (key) => ({
      key,
      ttl: Math.max(0, await admin.pttl(key)),
      dump: (await admin.dumpBuffer(key))!,
    })),
  );
  return () => {
    const pipeline = admin.pipeline().flushdb();
    for (const { key, ttl, dump } of saved) pipeline.restore(key, ttl, dump);
    return pipeline.exec();
  };
}

/** Works until nothing changes any more. */
async function workOff(bench: Bench, held: readonly ClaimedJob[]): Promise<void> {
  const { engine } = bench;
  await complete(bench, held);
  await engine.queues.resume("quiet");
  for (let idle = 0, turns = 0; idle < 4; turns++) {
    expect(turns).toBeLessThan(60);
    const [jobs, { requeued, promoted }] = await Promise.all([
      claim(bench, ["jobs", "held", "quiet"]),
      engine.core.recover(),
    ]);
    if (jobs.length > 0) await complete(bench, jobs);
    idle = jobs.length + requeued + promoted > 0 ? 0 : idle + 1;
    await bench.elapse(2_000);
  }
}

/** The innocent jobs that aren't completed, and what is left unfinished of all. */
async function leftovers({ engine }: Bench) {
  const ids = ["plain", "urgent", "late", "root", "child", "k1", "k2", "k3", "once"].map(
    (name) => `i-${name}`,
  );
  ids.push(...Array.from({ length: 10 }, (_, index) => `i-many-${index}`));
  const records = await engine.inspect.get(ids.map((id) => ({ id })));
  const incomplete = ids.filter((_, index) => records[index]?.state !== "completed");
  const { jobs } = await engine.inspect.list({
    filter: { states: ["blocked", "scheduled", "queued", "active"] },
    fields: "summary",
    limit: 500,
  });
  return [...incomplete, ...jobs.map(({ id, state }) => `${id} is ${state}`)];
}

type Act = (admin: Redis, key: string) => Promise<unknown>;
const forField = (field: string): Record<string, Act> => ({
  "field deleted": (admin, key) => admin.hdel(key, field),
  "field garbled": (admin, key) => admin.hset(key, field, "\0 not what it was"),
});
const forText: Record<string, Act> = {
  garbled: (admin, key) => admin.set(key, "\0 not what it was"),
  "cut off": async (admin, key) => admin.set(key, (await admin.getrange(key, 0, 9)) ?? ""),
};
const forMember = (member: string): Record<string, Act> => ({
  "an entry deleted": (admin, key) => admin.zrem(key, member),
  "a stray entry": (admin, key) => admin.zadd(key, 1, "nobody"),
});
const forAny: Record<string, Act> = {
  deleted: (admin, key) => admin.del(key),
  "of the wrong type": async (admin, key) => {
    const isText = (await admin.type(key)) === "string";
    await admin.del(key);
    return isText ? admin.rpush(key, "other") : admin.set(key, "other");
  },
};

/** Every kind of key of docs/redis-data-model.md, with what is special about damaging it. */
const KINDS: Readonly<Record<string, Record<string, Act>>> = {
  ...Object.fromEntries(
    [
      "plain",
      "urgent",
      "late",
      "root",
      "child",
      "k1",
      "k2",
      "held",
      "reserved",
      "failed",
      "done",
      "gone",
      "quiet",
    ].map((name) => [`job:v-${name}`, forText]),
  ),
  "job:v-many-0": forText,
  "state:v-late": { ...forField("at"), ...forField("s") },
  "state:v-child": { ...forField("p"), ...forField("s") },
  "state:v-k2": forField("e"),
  "state:v-failed": { ...forField("f"), ...forField("s") },
  "state:v-held": {},
  "failures:v-failed": {},
  "logs:v-held": {},
  "fresh:jobs": { "a stray entry": (admin, key) => admin.lpush(key, "nobody") },
  "ghosts:jobs": { "a stray entry": (admin, key) => admin.sadd(key, "nobody") },
  "ready:jobs": forMember("v-urgent"),
  "queued:jobs": forMember("v-urgent"),
  "blocked:jobs": forMember("v-child"),
  "scheduled:jobs": forMember("v-late"),
  due: { "a stray entry": (admin, key) => admin.zadd(key, 1, "0000000000001 nobody") },
  waiters: { ...forField("v-root"), "the other field deleted": (admin, key) => admin.hdel(key, "v-plain") },
  "waiters:v-plain": forMember("v-many-0"),
  dependents: forField("v-plain"),
  "heads:jobs": forField("v"),
  "heads:held": forField("r"),
  "line:jobs:v": forMember("v-k2"),
  "line:held:r": forMember("v-next"),
  "reserved:held:r": { "a stray entry": (admin, key) => admin.lpush(key, "nobody") },
  active: { ...forField("v-held"), ...forField("v-reserved") },
  leases: { "a stray entry": (admin, key) => admin.zadd(key, 1, "nobody") },
  claims: { garbled: async (admin, key) => admin.hset(key, (await admin.hkeys(key))[0]!, "x") },
  running: forField("held"),
  "index:TEST_MESSAGE:tenant": { "a stray entry": (admin, key) => admin.zadd(key, 0, "nobody") },
  "completed:jobs": forMember("v-done"),
  "failed:jobs": forMember("v-failed"),
  "cancelled:jobs": forMember("v-gone"),
  ended: forField("v-done"),
  "kept:TEST_MESSAGE:completed": forMember("nobody"),
  "kept:TEST_MESSAGE:failed": forMember("nobody"),
  kept: { "a stray entry": (admin, key) => admin.sadd(key, "nobody") },
  endings: forText,
  tombs: forField("v-tomb"),
  "tombs:since": forText,
  queues: { "a stray entry": (admin, key) => admin.sadd(key, "nobody") },
  paused: {},
  sequence: { garbled: (admin, key) => admin.set(key, "x") },
  "dedupe:M:v": forText,
  "metrics:jobs:1699999980000": forField("TEST_MESSAGE sent"),
  groups: forMember("g1"),
  "group:g1": { ...forField("failed"), ...forField("t") },
  "grouped:g1": forMember("v-failed"),
  audit: forText,
};

/** Damage after which some jobs that weren't named can't be told apart from finished or unknown ones. */
const cases = Object.entries(KINDS).flatMap(([key, special]) =>
  Object.entries({ ...forAny, ...special }).map(([how, act]) => ({ key, how, act })),
);

describe("one damaged key costs no other job", () => {
  const LANES = 4;
  test.concurrent.each(Array.from({ length: LANES }, (_, lane) => lane + 1))(
    "part %i",
    async (lane) => {
      const bench = await open(server.url, lane);
      const failures: unknown[] = [];
      try {
        const held = await fill(bench);
        const restore = await snapshot(bench);
        for (const { key, how, act } of cases.filter((_, index) => index % LANES === lane - 1)) {
          await restore();
          if (key !== "audit" && (await bench.admin.exists(PREFIX + key)) === 0) failures.push(`no ${key}`);
          try {
            await act(bench.admin, PREFIX + key);
            await workOff(bench, held);
            await send(
              bench,
              { id: "i-after" },
              { id: "i-once-more", dedupe: { key: "M:v", window: 1_000 } },
            );
            await complete(bench, await claim(bench, ["jobs"]));
          } catch (error) {
            failures.push(`${key} ${how}: ${(error as Error).message}`);
          }
          const left = await leftovers(bench);
          if (left.length > 0) failures.push(`${key} ${how}: ${left.join(", ")}`);
          const named = (await bench.engine.core.health()).damage?.length ?? 0;
          if (how === "of the wrong type" && named === 0 && !UNREAD.test(key))
            failures.push(`${key} isn't named`);
          if (key.startsWith("job:v-") && !/gone|done|held|reserved|failed/.test(key) && named === 0)
            failures.push(`${key} isn't named`);
        }
      } finally {
        await bench.close();
      }
      expect(failures).toEqual([]);
    },
    120_000,
  );
});

/** Keys that nothing reads or writes in these cases once they are there. */
const UNREAD = /^(dedupe|metrics|group:|failures|logs|tombs$|paused|endings|audit)/;

describe("a damaged list of workers is complete again after the next beats", () => {
  const acts: Record<string, Act> = {
    ...forAny,
    "garbled entries": async (admin, key) => {
      if (key.endsWith("seen")) return admin.zadd(key, START + 1_000_000_000, "nobody");
      return admin.hset(key, { live: "\0 not what it was", dead: "[}", nobody: "0" });
    },
  };
  const names = ["workers", "workers:running", "workers:seen"];

  test.each(names.flatMap((name) => Object.keys(acts).map((how) => [name, how] as const)))(
    "%s: %s",
    async (name, how) => {
      const bench = await open(server.url, 9);
      const { admin, engine, elapse } = bench;
      const record = {
        queues: [],
        handles: [],
        concurrency: 1,
        host: "h",
        process: 1,
        version: "1",
        uptime: 0,
      };
      const register = (id: string) => engine.workers.register({ id, name: id, ...record });
      try {
        await register("live");
        await register("dead");
        await engine.core.recover({ beat: { id: "dead", running: 1, attempts: [] } });
        await acts[how]!(admin, PREFIX + name);
        for (let turn = 0; turn < 5; turn++) {
          const beat = { id: "live", running: 1, attempts: [{ id: "job", duration: 5 }] };
          if ((await engine.core.recover({ beat })).isUnregistered) await register("live");
          await engine.workers.list();
          await elapse(10_000);
        }
        expect(await engine.workers.list()).toMatchObject([{ id: "live", attempts: [{ id: "job" }] }]);
        expect(await admin.hkeys(`${PREFIX}workers`)).toEqual(["live"]);
        expect(await admin.hkeys(`${PREFIX}workers:running`)).toEqual(["live"]);
      } finally {
        await bench.close();
      }
    },
  );
});

test("the audit restores what searches find, and drops entries of jobs that are gone", async () => {
  const bench = await open(server.url, 7);
  const { admin, engine, elapse } = bench;
  const key = `${PREFIX}index:TEST_MESSAGE:tenant`;
  const found = async () => {
    const search = { message: "TEST_MESSAGE", values: { tenant: "t" } };
    const { jobs } = await engine.inspect.list({ filter: { search }, fields: "summary", limit: 9 });
    return jobs.map(({ id }) => id);
  };
  try {
    await send(
      bench,
      { id: "a", search: { tenant: "t" } },
      { id: "b", search: { tenant: "t" }, priority: 1 },
    );
    const [entry] = await admin.zrange(key, 0, "0");
    await admin.zrem(key, entry!);
    await admin.zadd(key, 0, "t\u00000000000000000009\0gone");
    expect(await found()).toEqual(["b"]);
    await engine.core.recover();
    await elapse(2_000);
    await engine.core.recover();
    expect(await found()).toEqual(["b", "a"]);
    expect(await admin.zcard(key)).toBe(2);
    await engine.operate.remove([{ id: "a" }, { id: "b" }]);
    expect(await admin.exists(key)).toBe(0);
  } finally {
    await bench.close();
  }
});

test("a first send that is refused leaves nothing that looks like damage", async () => {
  const bench = await open(server.url, 8);
  try {
    const [refused] = await send(bench, { id: "a", dependsOn: ["nowhere"] });
    expect(refused).toMatchObject({ ok: false });
    const [stored] = await send(bench, { id: "a" });
    expect(stored).toMatchObject({ ok: true });
    expect((await bench.engine.core.health()).damage ?? []).toEqual([]);
    expect(bench.logger.lines).toEqual([]);
  } finally {
    await bench.close();
  }
});

test("health and the log name what was lost, and work goes on for real workers", async () => {
  const url = `${server.url.replace(/\/\d*$/, "")}/9`;
  const admin = new Redis(url);
  await admin.flushdb();
  const message = defineMessage("M", { data: z.object({ n: z.int() }), retry: { attempts: 1 } });
  const logger = new RecordingLogger();
  const queue = createQueue({ registry: createRegistry([message]), engine: redisEngine({ url }), logger });
  const ran: number[] = [];
  const worker = createWorker(queue, { maintenanceInterval: "50ms" }).handle(message, async ({ data }) => {
    ran.push(data.n);
  });
  try {
    await queue.send(message, { n: 0 }, { id: "evicted", priority: 5 });
    await queue.send(message, { n: 1 }, { id: "garbled" });
    const child = await queue.send(message, { n: 2 }, { id: "child", dependsOn: ["evicted"] });
    const others = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        queue.send(message, { n: index + 10 }, { priority: index % 3 }),
      ),
    );
    await admin.del("{queue}:job:evicted");
    await admin.set("{queue}:job:garbled", "nonsense");
    await worker.start();
    await Promise.all(others.map((job) => job.wait()));
    await expect(child.wait()).rejects.toMatchObject({ code: "JOB_CANCELLED" });
    await expect.poll(() => logger.lines.join()).toContain('"garbled"');
    expect(ran.toSorted((a, b) => a - b)).toEqual(others.map((_, index) => index + 10));
    expect(await queue.get("evicted")).toBeNull();
    const { status, reasons } = await queue.health();
    expect(status).toBe("critical");
    expect(reasons.find(({ kind }) => kind === "corrupt")?.text).toMatch(/CORRUPT_JOB.*evicted/);
    expect(logger.lines.join()).toMatch(/error: .*CORRUPT_JOB.*"evicted"/);
  } finally {
    await worker.stop();
    await queue.close();
    await admin.quit();
  }
});
