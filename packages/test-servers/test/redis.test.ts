import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { startRedis } from "../src/index.ts";
import { processOf } from "./process-of.ts";
import { closed } from "./socket.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

test("a server answers, persists nothing, and is gone after stop", async () => {
  const redis = await startRedis();
  const client = new Redis(redis.url);
  expect(await client.ping()).toBe("PONG");
  if (redis.source !== "REDIS_URL") {
    expect(await client.config("GET", "save")).toEqual(["save", ""]);
    const gone = closed(redis.url);
    await redis.stop();
    await gone;
  }
  client.disconnect();
  await redis.stop();
});

test("arguments start a separate server, whatever REDIS_URL says", async () => {
  vi.stubEnv("REDIS_URL", "redis://127.0.0.1:1");
  const redis = await startRedis({ args: ["--maxmemory", "10mb"] });
  const client = new Redis(redis.url);
  expect(await client.config("GET", "maxmemory")).toEqual(["maxmemory", `${10 * 1024 * 1024}`]);
  client.disconnect();
  await redis.stop();
});

test("REDIS_URL is used unchanged", async () => {
  vi.stubEnv("REDIS_URL", "redis://example.test:6380/3");
  expect(await startRedis()).toMatchObject({ url: "redis://example.test:6380/3", source: "REDIS_URL" });
});

test("a killed server restarts on its port with its data", async () => {
  const directory = await mkdtemp(join(tmpdir(), "queue-redis-test-"));
  const durable = { directory, args: ["--appendonly", "yes", "--appendfsync", "always"] };
  const first = await startRedis(durable);
  const client = new Redis(first.url);
  await client.set("kept", "yes");
  client.disconnect();

  const gone = closed(first.url);
  process.kill(processOf(first), "SIGKILL");
  await gone;
  await first.stop();

  const second = await startRedis({ ...durable, port: Number(new URL(first.url).port) });
  expect(second.url).toBe(first.url);
  const returned = new Redis(second.url);
  expect(await returned.get("kept")).toBe("yes");
  returned.disconnect();
  await second.stop();
  await rm(directory, { recursive: true });
});

test("programs in TEST_SERVER_PROGRAMS take precedence", async () => {
  const directory = await mkdtemp(join(tmpdir(), "queue-redis-test-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, "redis-server"), "#!/bin/sh\necho chosen; exit 3\n", { mode: 0o755 });
  vi.stubEnv("TEST_SERVER_PROGRAMS", directory);
  vi.stubEnv("REDIS_URL", "redis://127.0.0.1:1");
  await expect(startRedis()).rejects.toThrow(/ended with exit code 3: .*chosen/s);
});
