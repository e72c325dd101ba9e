import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, test } from "vitest";
import { systemClock } from "../src/engine/clock.ts";
import type { Engine } from "../src/engine/port.ts";
import { redisEngine } from "../src/redis/index.ts";
import { describeEngine, type EngineUnderTest } from "../src/testing/conformance/index.ts";

let server: TestServer;
let admin: Redis;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
}, 180_000);

afterAll(async () => {
  await admin?.quit();
  await server?.stop();
});

let namespaces = 0;

async function openRedis(): Promise<EngineUnderTest> {
  const namespace = `conformance-${process.pid}-${namespaces++}`;
  const engines: Engine[] = [];
  const open = () => {
    const engine = redisEngine({ url: server.url, namespace });
    engines.push(engine);
    return engine;
  };
  return {
    engine: open(),
    clock: systemClock,
    elapse: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    peer: async () => open(),
    close: async () => {
      await Promise.all(engines.map((engine) => engine.close()));
    },
  };
}

describeEngine({ name: "redis", runner: { describe, test }, open: openRedis });
