import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { ClaimedJob } from "../src/engine/core.ts";
import type { CompleteEngine } from "../src/engine/engine.ts";
import { EDGE_POINTS, STEP_POINTS } from "../src/engine/step-budget.ts";
import { IoredisConnection } from "../src/redis/connection/ioredis-connection.ts";
import { redisEngine } from "../src/redis/index.ts";
import { RedisEngine } from "../src/redis/redis-engine.ts";
import { resolveRedisOptions } from "../src/redis/redis-options.ts";
import { newJob } from "../src/testing/conformance/new-job.ts";

/** Dependents that one step decides at most. */
const PER_STEP = STEP_POINTS / EDGE_POINTS;
/** More held jobs than one step looks at. */
const HELD = 2_500;

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
  const namespace = `bounds-${namespaces++}`;
  const engine = redisEngine({ url: server.url, namespace });
  try {
    await run(engine, `{${namespace}}:`);
  } finally {
    await engine.core.close();
  }
}

async function sendNumbered(
  engine: CompleteEngine,
  count: number,
  dependsOn: readonly string[] = [],
): Promise<void> {
  const jobs = Array.from({ length: count }, (_, index) => newJob({ id: `n${index}`, dependsOn }));
  for (let start = 0; start < count; start += 1_000) {
    await engine.core.enqueue([{ jobs: jobs.slice(start, start + 1_000) }]);
  }
}

async function countOf(engine: CompleteEngine, state: "cancelled" | "queued" | "active"): Promise<number> {
  const [counts] = await engine.queues.counts();
  return counts!.states[state];
}

test.each(["cancel", "complete", "remove"] as const)(
  "%s: no step decides more than its share",
  async (how) => {
    await withEngine(async (engine, prefix) => {
      const dependents = 2 * PER_STEP + 100;
      await engine.core.enqueue([{ jobs: [newJob({ id: "root" })] }]);
      await sendNumbered(engine, dependents, ["root"]);
      if (how === "complete") {
        const { jobs } = await engine.core.claim({ queues: ["jobs"], limit: 1, lease: 60_000 });
        await engine.core.settle({ outcomes: [{ ...jobs[0]!, type: "complete" }] });
      } else await engine.operate[how]([{ id: "root" }], "no longer needed");
      const state = how === "complete" ? "queued" : "cancelled";
      let decided = 0;
      for (let more = true; more; ) {
        const now = await countOf(engine, state);
        expect(now - decided).toBeLessThanOrEqual(PER_STEP + 1);
        expect(now).toBeGreaterThan(decided);
        decided = now;
        ({ more } = await engine.core.recover());
      }
      expect(await countOf(engine, state)).toBe(dependents + (how === "cancel" ? 1 : 0));
      const left = await admin.exists(`${prefix}cascades`, `${prefix}cascades:order`, `${prefix}due`);
      expect(left).toBe(0);
    });
  },
);

test("lists and recovers more held jobs than one step looks at", async () => {
  await withEngine(async (engine) => {
    await sendNumbered(engine, HELD);
    for (let held = 0; held < HELD; held += 500) {
      await engine.core.claim({ queues: ["jobs"], limit: 500, lease: held < 2_000 ? 1 : 60_000 });
    }
    const seen: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await engine.inspect.list({
        filter: { states: ["active"] },
        fields: "summary",
        limit: 700,
        ...(cursor && { cursor }),
      });
      seen.push(...page.jobs.map(({ id }) => id));
      cursor = page.cursor;
      if (cursor === undefined) break;
    }
    expect(seen).toEqual(Array.from({ length: HELD }, (_, index) => `n${HELD - 1 - index}`));
    expect(
      (
        await engine.inspect.list({
          filter: { queues: ["other"], states: ["active"] },
          fields: "summary",
          limit: 10,
        })
      ).jobs,
    ).toEqual([]);

    let requeued = 0;
    for (let more = true; more; ) {
      const report = await engine.core.recover();
      expect(report.requeued).toBeLessThanOrEqual(500);
      requeued += report.requeued;
      more = report.more;
    }
    expect(requeued).toBe(2_000);
    expect(await countOf(engine, "active")).toBe(500);
  });
});

test("a list of many held jobs misses none that comes back while a page is read, and goes on after those that end", async () => {
  const options = resolveRedisOptions({ url: server.url, namespace: `bounds-${namespaces++}` });
  const connection = new IoredisConnection(options, `{${options.namespace}}:`);
  const engine = new RedisEngine({ connection, tombstones: options.tombstones });
  const claim = async (limit: number) =>
    (await engine.core.claim({ queues: ["jobs"], limit, lease: 60_000 })).jobs;
  try {
    await sendNumbered(engine, 2 * HELD);
    const held: ClaimedJob[] = [];
    while (held.length < 2 * HELD) held.push(...(await claim(500)));
    const newest = held.toReversed();
    // More than a page has, and than it has to spare.
    const ending = newest.splice(0, 2_000);
    const coming = newest.splice(0, 300);
    const staying = new Set([...coming, ...newest].map(({ id }) => id));
    const run = connection.run.bind(connection);
    let isAway = false;
    let isInterrupted = false;
    vi.spyOn(connection, "run").mockImplementation(async (script, args) => {
      const reply = await run(script, args);
      if (isInterrupted) return reply;
      isInterrupted = true;
      const ends = ending.splice(0, 500).map(({ id, epoch, token }) => ({ id, epoch, token }));
      await engine.core.settle({ outcomes: ends.map((lease) => ({ ...lease, type: "complete" })) });
      if (isAway) coming.splice(0, coming.length, ...(await claim(300)));
      else await engine.core.release(coming.map((lease) => ({ ...lease, delay: 0, bounce: false })));
      isAway = !isAway;
      isInterrupted = false;
      return reply;
    });
    const seen: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await engine.inspect.list({
        filter: { states: ["active", "queued"] },
        fields: "summary",
        limit: 100,
        ...(cursor && { cursor }),
      });
      seen.push(...page.jobs.map(({ id }) => id));
      cursor = page.cursor;
      if (cursor === undefined) break;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect([...staying].filter((id) => !seen.includes(id))).toEqual([]);
  } finally {
    await engine.core.close();
  }
});

test("a turn's sends with many dependencies go in several calls, in order", async () => {
  await withEngine(async (engine) => {
    await sendNumbered(engine, 600);
    const dependsOn = Array.from({ length: 600 }, (_, index) => `n${index}`);
    const batches = ["a", "b", "c"].map((id) => ({ jobs: [newJob({ id, dependsOn })] }));
    expect(await engine.core.enqueue(batches)).toEqual(
      ["a", "b", "c"].map((id) => ({ ok: true, jobs: [{ id, created: true }] })),
    );
    const { jobs } = await engine.inspect.list({
      filter: { states: ["blocked"] },
      fields: "summary",
      limit: 3,
    });
    expect(jobs.map(({ id }) => id)).toEqual(["c", "b", "a"]);
  });
});

test("reads the counts and metrics of more queues than one step does", async () => {
  await withEngine(async (engine) => {
    const queues = Array.from({ length: 1_800 }, (_, index) => `q${index}`);
    await engine.core.enqueue([{ jobs: queues.map((queue) => newJob({ queue })) }]);
    const counts = await engine.queues.counts();
    expect(counts.map(({ queue }) => queue).toSorted()).toEqual(queues.toSorted());
    expect(counts.every(({ states }) => states.queued === 1)).toBe(true);
    const metrics = await engine.queues.metrics({ since: Date.now() - 600_000 });
    expect(new Set(metrics.map(({ queue }) => queue)).size).toBe(1_800);
  });
});
