import { startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { CompleteEngine } from "../src/engine/engine.ts";
import { LAYOUT } from "../src/redis/connection/layout.ts";
import { redisEngine } from "../src/redis/index.ts";
import { newJob } from "../src/testing/conformance/new-job.ts";

const KEY = "{layout}:layout";

let server: TestServer;
let admin: Redis;
const opened: CompleteEngine[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
}, 180_000);

beforeEach(() => admin.flushall());

afterEach(async () => {
  await Promise.all(opened.splice(0).map((engine) => engine.core.close()));
});

afterAll(async () => {
  await admin?.quit();
  await server?.stop();
});

function open(namespace = "layout"): CompleteEngine {
  const engine = redisEngine({ url: server.url, namespace });
  opened.push(engine);
  return engine;
}

const send = (engine: CompleteEngine) => engine.core.enqueue([{ jobs: [newJob()] }]);

test("the first engine of a namespace notes its layout, and later ones accept it", async () => {
  await send(open());
  expect(await admin.get(KEY)).toBe(String(LAYOUT));
  await send(open());
});

test.for(["0", "2", "x".repeat(1_000)])("a namespace of another layout is refused: %s", async (layout) => {
  await admin.set(KEY, layout);
  const engine = open();
  const refusal = {
    code: "ENGINE_MISCONFIGURED",
    message: expect.stringMatching(
      /begin with \{layout\}: \(layout ".{1,20}", this version has \d+\).*another `namespace`/,
    ),
  };
  await expect(send(engine)).rejects.toMatchObject(refusal);
  await expect(engine.events.subscribe({ onEvent() {} })).rejects.toMatchObject(refusal);
  expect(await engine.core.health()).toMatchObject({ ok: false, problem: refusal.message });
  expect(await admin.keys("{layout}:*")).toEqual([KEY]);
  await send(open("other"));
});

test("FLUSHALL is no change of layout, and maintenance notes it again", async () => {
  const engine = open();
  await send(engine);
  await admin.flushall();
  await send(engine);
  await send(open());
  await admin.del(KEY);
  await engine.core.recover();
  expect(await admin.get(KEY)).toBe(String(LAYOUT));
});

test("a key of the wrong type in its place is moved aside", async () => {
  await admin.rpush(KEY, "x");
  const engine = open();
  await send(engine);
  await engine.core.recover();
  expect(await admin.get(KEY)).toBe(String(LAYOUT));
  expect(await admin.exists("{layout}:corrupt:layout")).toBe(1);
});

test("a full server is used all the same", async () => {
  await admin.config("SET", "maxmemory", "1");
  try {
    expect(await open().core.claim({ queues: ["jobs"], limit: 1, lease: 30_000 })).toEqual({ jobs: [] });
  } finally {
    await admin.config("SET", "maxmemory", "0");
  }
});
