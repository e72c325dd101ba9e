import { once } from "node:events";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startProxy, startRedis, type TcpProxy, type TestServer } from "../src/index.ts";

let redis: TestServer;
let proxy: TcpProxy;
let direct: Redis;
const clients: Redis[] = [];

beforeAll(async () => {
  redis = await startRedis({ args: [] });
  proxy = await startProxy({ target: redis.url });
  direct = new Redis(redis.url);
});

afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
  proxy.use("pass");
  proxy.delay(0);
  proxy.cut();
});

afterAll(async () => {
  direct.disconnect();
  await proxy.stop();
  await redis.stop();
});

async function connectThrough(): Promise<Redis> {
  const client = new Redis(proxy.url, { retryStrategy: null, maxRetriesPerRequest: 0, lazyConnect: true });
  client.on("error", () => {});
  clients.push(client);
  await client.connect();
  return client;
}

test("traffic passes", async () => {
  const client = await connectThrough();
  expect(await client.set("passes", "yes")).toBe("OK");
  expect(await client.get("passes")).toBe("yes");
});

test("a dropped request never reaches the server", async () => {
  const client = await connectThrough();
  proxy.use("drop-requests");
  await expect(client.set("dropped-request", "yes")).rejects.toThrow();
  expect(await direct.exists("dropped-request")).toBe(0);
});

test("a dropped reply never reaches the client, though the request was executed", async () => {
  const client = await connectThrough();
  proxy.use("drop-replies");
  await expect(client.set("dropped-reply", "yes")).rejects.toThrow();
  expect(await direct.get("dropped-reply")).toBe("yes");
});

test("an interception affects only the request that contains the text", async () => {
  const [client, other] = await Promise.all([connectThrough(), connectThrough()]);
  const sprung = proxy.intercept({ containing: "the-one", fault: "drop-request" });
  await client.set("another", "yes");
  await expect(other.set("the-one", "yes")).rejects.toThrow();
  await sprung;
  expect(await client.set("the-one", "later")).toBe("OK");
});

test("a held reply doesn't arrive until the connection is cut", async () => {
  const client = await connectThrough();
  const held = proxy.intercept({ containing: "held", fault: "hold-reply" });
  const answer = client.set("held", "yes").then(
    () => "answered",
    () => "lost",
  );
  await held;
  expect(await direct.get("held")).toBe("yes");
  proxy.cut();
  expect(await answer).toBe("lost");
});

test("stalled traffic arrives once it passes again", async () => {
  const client = await connectThrough();
  proxy.use("stall");
  const answer = client.set("stalled", "yes");
  expect(await direct.exists("stalled")).toBe(0);
  proxy.use("pass");
  expect(await answer).toBe("OK");
});

test("an abandoned connection stays open without traffic, and new ones work", async () => {
  const client = await connectThrough();
  proxy.abandon();
  const answer = client.set("abandoned", "yes").catch(() => "lost");
  const other = await connectThrough();
  expect(await other.exists("abandoned")).toBe(0);
  expect(client.status).toBe("ready");
  client.disconnect();
  expect(await answer).toBe("lost");
});

test("refused connections are cut", async () => {
  const client = await connectThrough();
  const ended = once(client, "end");
  proxy.use("refuse");
  await ended;
  await expect(connectThrough()).rejects.toThrow();
});

test("a delay applies to both directions", async () => {
  const client = await connectThrough();
  proxy.delay(30);
  const since = performance.now();
  await client.ping();
  expect(performance.now() - since).toBeGreaterThan(55);
});
