import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CompleteEngine } from "../src/engine/engine.ts";
import { GROUP_LIFETIME, MAX_GROUP_JOBS } from "../src/engine/failure-groups.ts";
import { redisEngine } from "../src/redis/index.ts";
import { newJob, retain } from "../src/testing/conformance/new-job.ts";

let server: TestServer;
let admin: Redis;
let namespaces = 0;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
}, 180_000);

afterAll(async () => {
  await admin?.quit();
  await server?.stop();
});

async function withEngine(run: (engine: CompleteEngine, prefix: string) => Promise<void>): Promise<void> {
  const namespace = `groups-${namespaces++}`;
  const engine = redisEngine({ url: server.url, namespace });
  try {
    await run(engine, `{${namespace}}:`);
  } finally {
    await engine.core.close();
  }
}

let sent = 0;

/** Sends jobs and fails them in one group. */
async function fail(
  engine: CompleteEngine,
  count: number,
  kept = 100_000,
  fingerprint: string | null = "a1",
): Promise<void> {
  for (let left = count; left > 0; left -= 1_000) {
    const jobs = Array.from({ length: Math.min(left, 1_000) }, () =>
      newJob({ id: `n${sent++}`, retain: retain({ failed: { count: kept } }) }),
    );
    await engine.core.enqueue([{ jobs }]);
    const claimed = (await engine.core.claim({ queues: ["jobs"], limit: 1_000, lease: 60_000 })).jobs;
    const group = fingerprint !== null && { group: { fingerprint, code: "BROKEN", title: "it broke" } };
    const error = '{"code":"BROKEN","message":"it broke"}';
    await engine.core.settle({
      outcomes: claimed.map(({ id, epoch, token }) => ({ id, epoch, token, type: "fail", error, ...group })),
    });
  }
}

test("a group knows its newest ten thousand jobs", async () => {
  await withEngine(async (engine, prefix) => {
    const first = sent;
    await fail(engine, MAX_GROUP_JOBS + 500);
    expect(await admin.zcard(`${prefix}grouped:a1`)).toBe(MAX_GROUP_JOBS);
    expect((await admin.zrange(`${prefix}grouped:a1`, 0, "0"))[0]).toBe(`n${first + 500}`);
    const [group] = (await engine.inspect.failureGroups({ limit: 1 })).groups;
    expect(group!.failed).toBe(MAX_GROUP_JOBS + 500);
  });
});

test("ids of jobs that retention has removed don't pile up", async () => {
  await withEngine(async (engine, prefix) => {
    for (let round = 0; round < 10; round++) await fail(engine, 500, 100);
    expect(await admin.zcard(`${prefix}grouped:a1`)).toBeLessThan(1_500);
  });
});

test("what is left of a group once its jobs are gone expires, and the audit drops their ids", async () => {
  await withEngine(async (engine, prefix) => {
    await fail(engine, 50);
    await engine.operate.clean({ state: "failed", olderThan: 0, limit: 100 });
    await engine.core.recover();
    expect(await admin.exists(`${prefix}grouped:a1`)).toBe(0);
    const ttl = await admin.pttl(`${prefix}group:a1`);
    expect(ttl).toBeGreaterThan(GROUP_LIFETIME - 60_000);
    expect((await engine.inspect.failureGroups({ limit: 1 })).groups[0]!.failed).toBe(50);
    await admin.del(`${prefix}audit`, `${prefix}group:a1`);
    await engine.core.recover();
    expect(await admin.exists(`${prefix}groups`)).toBe(0);
  });
});

test("a group that hasn't failed for two weeks isn't listed, and goes with the next failure of another", async () => {
  await withEngine(async (engine, prefix) => {
    await fail(engine, 1);
    await admin.zincrby(`${prefix}groups`, -GROUP_LIFETIME, "a1");
    expect((await engine.inspect.failureGroups({ limit: 10 })).groups).toEqual([]);
    await fail(engine, 1, 100, "b2");
    expect(await admin.zrange(`${prefix}groups`, 0, "-1")).toEqual(["b2"]);
  });
});

test("a hundred failures of one group cost a few commands more than without", async () => {
  await withEngine(async (engine) => {
    const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await admin.info("stats"))![1]);
    const costOf = async (fingerprint: string | null) => {
      const before = await commands();
      await fail(engine, 100, 100_000, fingerprint);
      return (await commands()) - before;
    };
    await costOf("a1");
    expect((await costOf("a1")) - (await costOf(null))).toBeLessThan(20);
  });
});
