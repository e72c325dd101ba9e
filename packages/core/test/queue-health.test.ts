import { expect, test } from "vitest";
import * as z from "zod";
import type { HealthReport, MetricsBucket, QueueCounts } from "../src/engine/index.ts";
import { createQueue, createRegistry, defineMessage, memoryEngine } from "../src/index.ts";
import { alterEngine } from "../src/testing/index.ts";

const registry = createRegistry([defineMessage("SCAN", { data: z.object({}), queue: "scans" })]);
const MINUTE = 60_000;

const IDLE = { blocked: 0, scheduled: 0, queued: 0, active: 0, completed: 0, failed: 0, cancelled: 0 };

/** The health of a queue whose engine answers this. */
async function healthOf(report: Partial<HealthReport>, counts: Partial<QueueCounts> = {}) {
  const engine = alterEngine(memoryEngine(), {
    core: { health: async () => ({ ok: true, engine: "redis", latency: 1, ...report }) },
    queues: { counts: async () => [{ queue: "scans", paused: false, states: IDLE, ...counts }] },
  });
  const queue = createQueue({ registry, engine, logger: { warn() {}, error() {} } });
  const health = await queue.health();
  await queue.close();
  return health;
}

test("a queue tells whether its jobs live in this process only", async () => {
  const embedded = createQueue({ registry });
  const shared = createQueue({ registry, engine: { ...memoryEngine(), embedded: false } });
  expect([embedded.isEmbedded, shared.isEmbedded]).toEqual([true, false]);
  await Promise.all([embedded.close(), shared.close()]);
});

test("reports version, memory and damage of the engine, with dates", async () => {
  const memory = { used: 50, max: 100 };
  const { engine, status } = await healthOf({
    version: "Redis 7.2.0",
    memory,
    damage: [{ at: 7, kind: "mended", subject: "claims" }],
  });
  expect(status).toBe("warning");
  expect(engine).toEqual({
    ok: true,
    engine: "redis",
    latency: 1,
    version: "Redis 7.2.0",
    memory,
    damage: [{ at: new Date(7), kind: "mended", subject: "claims" }],
  });
});

test.for([
  [{ used: 79, max: 100 }, []],
  [{ used: 80, max: 100 }, [{ kind: "memory", status: "warning", text: expect.stringContaining("80 %") }]],
  [{ used: 96, max: 100 }, [{ kind: "memory", status: "critical" }]],
  [{ used: 1, max: 100, evicts: true }, [{ kind: "eviction", status: "warning" }]],
  [{ used: 1e12 }, []],
] as const)("judges the memory %o", async ([memory, reasons]) => {
  expect((await healthOf({ memory })).reasons).toMatchObject(reasons);
});

test.for([
  [14, []],
  [15, [{ kind: "waiting", queue: "scans", status: "warning", text: expect.stringContaining("15 minutes") }]],
  [60, [{ kind: "waiting", queue: "scans", status: "critical" }]],
] as const)("judges a job that has waited for %i minutes while others run", async ([minutes, reasons]) => {
  const states = { ...IDLE, queued: 1, active: 1 };
  expect((await healthOf({}, { states, oldestWaiting: minutes * MINUTE })).reasons).toMatchObject(reasons);
});

test("doesn't judge the waiting of a paused queue twice", async () => {
  const states = { ...IDLE, queued: 1 };
  const { reasons } = await healthOf({}, { states, paused: true, oldestWaiting: 60 * MINUTE });
  expect(reasons).toMatchObject([{ kind: "paused" }]);
});

test("judges only the engine if that has no figures of queues", async () => {
  const queue = createQueue({ registry, engine: alterEngine(memoryEngine(), { queues: null }) });
  expect(await queue.health()).toMatchObject({ status: "healthy", reasons: [] });
  await queue.close();
});

test("says of a backlog that it includes jobs which no live worker handles", async () => {
  const idle = { completed: 60, failed: 0, cancelled: 0, retried: 0, stalled: 0, sent: 0 };
  const bucket = { queue: "scans", ...idle } as MetricsBucket;
  const engine = alterEngine(memoryEngine(), {
    queues: {
      counts: async () => [{ queue: "scans", paused: false, states: { ...IDLE, queued: 10_000, active: 1 } }],
      metrics: async () => [bucket],
    },
    workers: {
      list: async () => [{ queues: ["scans"], handles: [] } as never],
      waiting: async () => [{ queue: "scans", message: "SCAN", version: 1, waited: 1 }],
    },
  });
  const queue = createQueue({ registry, engine, logger: { warn() {}, error() {} } });
  const { reasons } = await queue.health();
  expect(reasons.map(({ kind }) => kind)).toEqual(["unhandled", "backlog"]);
  expect(reasons[1]!.remedy).toContain("This includes the jobs that no live worker handles");
  await queue.close();
});
