import { expect, test } from "vitest";
import * as z from "zod";
import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  engineFromEnv,
  type MessageDefinition,
  memoryEngine,
} from "../src/index.ts";
import { redisEngine } from "../src/redis/index.ts";
import { createTestQueue } from "../src/testing/index.ts";

/** Under `exactOptionalPropertyTypes`, as this project has it, each line is also a check of the types. */
const definition: MessageDefinition<z.ZodVoid, undefined, undefined> = {
  data: z.void(),
  result: undefined,
  progress: undefined,
  version: undefined,
  upcast: undefined,
  queue: undefined,
  priority: undefined,
  orderingKey: undefined,
  onOrderingFailure: undefined,
  retry: undefined,
  timeout: undefined,
  maxStalls: undefined,
  retain: undefined,
  limits: undefined,
};

test("undefined is as good as no option, everywhere", async () => {
  const none = defineMessage("NONE", { data: z.void() });
  const given = defineMessage("NONE", definition);
  const deep = defineMessage("NONE", {
    ...definition,
    retry: { attempts: undefined, backoff: undefined },
    retain: { completed: { age: undefined, count: undefined }, failed: undefined },
    limits: {
      data: undefined,
      metadata: undefined,
      result: undefined,
      progress: undefined,
      error: undefined,
    },
  });
  for (const message of [given, deep]) {
    expect(message.problems).toEqual([]);
    const { version, queue, attempts, backoff, retain, limits, maxStalls } = none;
    expect(message).toMatchObject({ version, queue, attempts, backoff, retain, limits, maxStalls });
  }
  const engine = memoryEngine({ clock: undefined, tombstones: { age: undefined, count: undefined } });
  const queue = createQueue({
    registry: createRegistry([given]),
    engine,
    closeEngine: undefined,
    clock: undefined,
    middleware: undefined,
    outbox: undefined,
    logger: undefined,
  });
  const worker = createWorker(queue, {
    concurrency: undefined,
    queues: undefined,
    lease: undefined,
    logger: undefined,
  }).handle(given, () => {});
  await worker.start();
  const job = await queue.send(given, undefined, { id: undefined, userId: undefined, tx: undefined });
  expect(await job.wait({ timeout: undefined, signal: undefined })).toBeUndefined();
  await worker.stop({ timeout: undefined });
  await queue.close();
  await engineFromEnv({ env: {}, namespace: undefined, embeddedInProduction: undefined }).core.close();
  const redis = redisEngine({
    url: "redis://127.0.0.1:1",
    client: undefined,
    namespace: undefined,
    waitForConnection: undefined,
    connectTimeout: undefined,
    commandTimeout: undefined,
    tombstones: undefined,
    allowEviction: undefined,
  });
  await redis.core.close();
  createTestQueue({
    registry: createRegistry([given]),
    handlers: undefined,
    clock: undefined,
    worker: undefined,
  });
});
