import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CompleteEngine } from "../src/engine/engine.ts";
import { GROUP_LIFETIME, MIN_SWEPT_GROUP_JOBS } from "../src/engine/failure-groups.ts";
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

test("a group of more than ten thousand jobs knows all of them, and is listed to its end", async () => {
  await withEngine(async (engine, prefix) => {
    const count = MIN_SWEPT_GROUP_JOBS + 1_500;
    await fail(engine, count);
    expect(await admin.zcard(`${prefix}grouped:a1`)).toBe(count);
    const filter = { failureGroup: "a1" };
    expect(await engine.inspect.count(filter)).toEqual({ count: 10_000, isExact: false });
    const ids = new Set<string>();
    for (let cursor: string | undefined; ; ) {
      const page = await engine.inspect.list({
        filter,
        fields: "summary",
        limit: 1_000,
        ...(cursor !== undefined && { cursor }),
      });
      for (const { id } of page.jobs) ids.add(id);
      cursor = page.cursor;
      if (cursor === undefined) break;
    }
    expect(ids.size).toBe(count);
  });
});

test("ids of jobs that are gone don't pile up in a large group behind one that stays", async () => {
  await withEngine(async (engine, prefix) => {
    await fail(engine, 1);
    await admin.zadd(
      `${prefix}grouped:a1`,
      ...Array.from({ length: 2 * MIN_SWEPT_GROUP_JOBS }, (_, index) => [index + 2, `gone${index}`]).flat(),
    );
    for (let round = 0; round < 30; round++) await fail(engine, 500);
    const known = await admin.zcard(`${prefix}grouped:a1`);
    const stored = await admin.zcard(`${prefix}failed:jobs`);
    expect(stored).toBe(15_001);
    expect(known - stored).toBeLessThan(MIN_SWEPT_GROUP_JOBS / 2);
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
