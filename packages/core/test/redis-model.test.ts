import { startRedis, type TestServer } from "@org/test-servers";
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { STEP_POINTS } from "../src/engine/step-budget.ts";
import { MemoryEngine } from "../src/memory/memory-engine.ts";
import { IoredisConnection } from "../src/redis/connection/ioredis-connection.ts";
import { RedisEngine } from "../src/redis/redis-engine.ts";
import { resolveRedisOptions } from "../src/redis/redis-options.ts";
import { FakeClock } from "../src/testing/fake-clock.ts";
import {
  type Command,
  commandSequence,
  EngineSession,
  firstDifference,
  replayParameters,
  shortestFailure,
} from "../src/testing/model/index.ts";
import { FakeTimeConnection } from "./redis-fake-time.ts";

const { QUEUE_PROPERTY_RUNS, QUEUE_PROPERTY_COMMANDS, QUEUE_PROPERTY_STEP } = process.env;

const SEQUENCES = Number(QUEUE_PROPERTY_RUNS ?? 40);
const LENGTH = 60;
const START = 1_700_000_000_000;
/** A day, and more jobs than a sequence has. */
const TOMBSTONES = { age: 86_400_000, count: 20_000 };
/** Step budgets: for one dependent, for a few, and as in production. */
const STEPS = fc.constantFrom(1, 120, STEP_POINTS);

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

async function openMemory(points: number) {
  const clock = new FakeClock(START);
  const engine = new MemoryEngine({ clock, tombstones: TOMBSTONES }, points);
  return EngineSession.open({ engine, elapse: (milliseconds) => clock.advance(milliseconds) });
}

async function openRedis(points: number) {
  const namespace = `model-${namespaces++}`;
  const prefix = `{${namespace}}:`;
  const options = resolveRedisOptions({ url: server.url, namespace });
  const connection = new FakeTimeConnection(new IoredisConnection(options, prefix), admin, prefix, points);
  await connection.start(START);
  const engine = new RedisEngine({ connection, tombstones: options.tombstones });
  const elapse = (milliseconds: number) => connection.advance(milliseconds);
  const delivered = () => connection.delivered();
  const session = await EngineSession.open({ engine, elapse, delivered });
  return { session, close: () => engine.core.close() };
}

async function differ(commands: readonly Command[], points: number) {
  const { session, close } = await openRedis(points);
  try {
    return await firstDifference(commands, await openMemory(points), session);
  } finally {
    await close();
  }
}

test(`${SEQUENCES} sequences of ${LENGTH} commands leave both engines in the same states`, {
  timeout: 3_600_000,
}, async () => {
  if (QUEUE_PROPERTY_COMMANDS) {
    const points = Number(QUEUE_PROPERTY_STEP ?? STEP_POINTS);
    expect(await differ(JSON.parse(QUEUE_PROPERTY_COMMANDS), points)).toBe(undefined);
    return;
  }
  const property = fc.asyncProperty(commandSequence(LENGTH), STEPS, async (commands, points) => {
    const difference = await differ(commands, points);
    if (difference) throw new Error(`Command ${difference.at}`);
  });
  const outcome = await fc.check(property, { numRuns: SEQUENCES, ...replayParameters() });
  if (!outcome.failed) return;
  if (!outcome.counterexample) throw outcome.errorInstance;
  const [commands, points] = outcome.counterexample;
  const judge = (candidate: readonly Command[]) =>
    differ(candidate, points).catch((error: unknown) => ({ error }));
  const fails = async (candidate: readonly Command[]) => (await judge(candidate)) !== undefined;
  const shortest = await shortestFailure(await (await openMemory(points)).executeAndResolve(commands), fails);
  const found = (await judge(shortest))!;
  const again = [
    `Again: QUEUE_PROPERTY_SEED=${outcome.seed} QUEUE_PROPERTY_PATH=${outcome.counterexamplePath} vitest run test/redis-model.test.ts`,
    `Shortest: QUEUE_PROPERTY_STEP=${points} QUEUE_PROPERTY_COMMANDS='${JSON.stringify(shortest)}'`,
  ];
  if ("error" in found) throw new Error(again.join("\n"), { cause: found.error });
  const { at, command, in: what, reference, subject } = found;
  const difference = `The ${what} after command ${at} differs: ${JSON.stringify(command)}`;
  expect(subject, [difference, ...again].join("\n")).toEqual(reference);
});
