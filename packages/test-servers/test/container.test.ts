import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import pg from "pg";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { containerSource } from "../src/container.ts";
import { missingImage } from "../src/container-engine.ts";
import { startPostgres, startRedis } from "../src/index.ts";
import { closed } from "./socket.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A socket that answers like an engine, through this listener. */
async function fakeEngine(listener: RequestListener): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "queue-container-test-"));
  const socket = join(directory, "docker.sock");
  const server = createServer(listener).listen(socket);
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true });
  });
  return socket;
}

test("skips containers without an engine socket", async () => {
  vi.stubEnv("DOCKER_HOST", "");
  expect(await missingImage("redis:7-alpine", ["/nowhere/docker.sock"])).toBe("no container engine socket");
});

test("asks the engine for the image, and never pulls it", async () => {
  const requested: string[] = [];
  const socket = await fakeEngine((request, response) => {
    requested.push(`${request.method} ${request.url}`);
    response.writeHead(requested.length === 1 ? 200 : 404).end();
  });
  expect(await missingImage("redis:7-alpine", [socket])).toBe(undefined);
  expect(await missingImage("redis:7-alpine", [socket])).toContain("`docker pull redis:7-alpine`");
  expect(requested).toEqual(["GET /images/redis:7-alpine/json", "GET /images/redis:7-alpine/json"]);
});

test("skips a hanging engine within seconds", async () => {
  const socket = await fakeEngine(() => {});
  expect(await missingImage("redis:7-alpine", [socket])).toMatch(
    /^no container engine answers at .*: timeout$/,
  );
});

test("tries the next source if a container can't be started", async () => {
  const socket = await fakeEngine((request, response) => {
    response.writeHead(request.url?.startsWith("/images/") ? 200 : 500).end("{}");
  });
  vi.stubEnv("DOCKER_HOST", `unix://${socket}`);
  const container = { image: "redis:7-alpine", port: 6379, env: {}, args: [], readyTimes: 1 };
  const source = containerSource({ ...container, readyWhen: "Ready", readyWithin: 1_000 }, () => "");
  expect(await source.start()).toEqual({
    unavailable: expect.stringContaining("No container of redis:7-alpine"),
  });
});

// These need an engine with the images. Elsewhere they are skipped, with the reason.

test("a Redis container works like any other server", async ({ skip }) => {
  const missing = await missingImage("redis:7-alpine");
  skip(missing !== undefined, missing);
  const redis = await startRedis({ args: ["--maxclients", "50"] });
  onTestFinished(() => redis.stop());
  expect(redis).toMatchObject({ source: "container", pid: undefined });
  const client = new Redis(redis.url);
  expect(await client.config("GET", "maxclients")).toEqual(["maxclients", "50"]);
  client.disconnect();
  const gone = closed(redis.url);
  await redis.stop();
  await gone;
});

test("a Postgres container works like any other server", async ({ skip }) => {
  const missing = await missingImage("postgres:17-alpine");
  skip(missing !== undefined, missing);
  const postgres = await startPostgres({ args: ["-c", "max_connections=20"] });
  onTestFinished(() => postgres.stop());
  expect(postgres).toMatchObject({ source: "container", pid: undefined });
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  expect((await client.query("SHOW max_connections")).rows).toEqual([{ max_connections: "20" }]);
  await client.end();
  const gone = closed(postgres.url);
  await postgres.stop();
  await gone;
});
