import { inspect } from "node:util";
import { Cluster, Redis } from "ioredis";
import { expect, test } from "vitest";
import { type RedisEngineOptions, resolveRedisOptions } from "../src/redis/redis-options.ts";
import { errorOf } from "./redis-connection-support.ts";

test.each<[string, RedisEngineOptions]>([
  ["give it a `url`", {}],
  ["not both", { url: "redis://h", client: new Redis({ lazyConnect: true }) }],
  ["is a Cluster", { client: new Cluster([{ port: 1 }], { lazyConnect: true }) }],
  ["keyPrefix", { client: new Redis({ lazyConnect: true, keyPrefix: "app:" }) }],
  ["expected an ioredis client", { client: {} as Redis }],
  ["namespace", { url: "redis://h", namespace: "a b" }],
  ["unknown option", { url: "redis://h", colour: 1 } as RedisEngineOptions],
  ["commandTimeout", { url: "redis://h", commandTimeout: 0 }],
  ["isn't a URL", { url: "" }],
  ["isn't a URL", { url: "redis://:se/cret@host" }],
  ["unknown scheme", { url: "http://u:secret@host" }],
  ["unknown scheme", { url: "localhost:6379" }],
  ["names no host", { url: "redis://" }],
  ["isn't a number", { url: "redis://u:1/secret@host" }],
  ['"#"', { url: "redis://u:1#secret@host" }],
  ['"%"', { url: "redis://u:secret%@host" }],
  ["parameters", { url: "redis://u:1?secret@host" }],
  ["names no socket", { url: "unix://secret" }],
])("refuses options: %s", async (message, options) => {
  const error = await errorOf((async () => resolveRedisOptions(options))());
  expect(error.code).toBe("INVALID_OPTIONS");
  expect(error.message).toContain(message);
  expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/se\/?cret@|secret%|#secret/);
});

test.each([
  ["redis://host", { host: "host", port: 6379 }],
  ["redis://u%40:p%2Fw@host:1/2", { host: "host", port: 1, username: "u@", password: "p/w", db: 2 }],
  ["redis://:pw@[::1]:1?family=6&db=4", { host: "::1", port: 1, password: "pw", family: 6, db: 4 }],
  ["rediss://host.example", { host: "host.example", port: 6379, tls: { servername: "host.example" } }],
  ["rediss://10.0.0.1:2/", { host: "10.0.0.1", port: 2, tls: {} }],
  ["unix:///run/redis.sock?db=1", { path: "/run/redis.sock", db: 1 }],
])("understands %s", (url, address) => {
  expect(resolveRedisOptions({ url }).server).toEqual({ address });
});

test("has its defaults", () => {
  const client = new Redis({ lazyConnect: true });
  expect(resolveRedisOptions({ client })).toEqual({
    server: { client },
    namespace: "queue",
    waitForConnection: 0,
    connectTimeout: 10_000,
    commandTimeout: 10_000,
    tombstones: { age: 86_400_000, count: 100_000 },
    allowEviction: false,
  });
});
