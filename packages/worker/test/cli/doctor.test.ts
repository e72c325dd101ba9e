import { createQueue, createRegistry, createWorker, defineMessage } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { startPostgres, startRedis, type TestServer } from "@org/test-servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { checkNode, checkVersion } from "../../src/cli/doctor/node-checks.ts";
import type { CheckGroup } from "../../src/cli/doctor/report.ts";
import { attempt, ON_REDIS } from "../support/attempt.ts";
import { temporaryProject } from "../support/temporary-project.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startRedis({ args: ["--appendonly", "yes"] });
});
afterAll(() => server?.stop());

async function examine(env: Record<string, string>, config = ON_REDIS) {
  const { code, stdout } = await attempt("doctor --json", config, { env });
  const { groups } = JSON.parse(stdout) as { groups: readonly CheckGroup[] };
  const find = (group: string, check: string) =>
    groups.find(({ name }) => name === group)?.checks.find((each) => each.check === check);
  return { code, groups, find };
}

describe("doctor", () => {
  test("finds nothing wrong, and says what it looked at", async () => {
    const mail = defineMessage("MAIL", { data: z.object({ to: z.string() }), queue: "mails" });
    const report = defineMessage("REPORT", { data: z.object({}), version: 1 });
    const engine = redisEngine({ url: server.url, namespace: "doctor" });
    const queue = createQueue({ registry: createRegistry([mail, report]), engine });
    const worker = createWorker(queue)
      .handle(mail, () => {})
      .handle(report, () => {});
    await worker.start();
    const env = { REDIS_URL: server.url, QUEUE_NAMESPACE: "doctor" };
    const { code, find, groups } = await examine(env);
    await worker.stop();
    await queue.close();
    expect(groups.map(({ name }) => name)).toEqual(["Node", "Config", "Redis", "Postgres", "Contracts"]);
    for (const check of [
      "connection",
      "latency",
      "version",
      "role",
      "eviction",
      "persistence",
      "clock",
      "rights",
      "memory",
    ]) {
      expect(find("Redis", check)).toMatchObject({ status: "ok" });
    }
    expect(find("Contracts", "messages")?.text).toBe("1 live worker handles 1 of 2 messages.");
    // The worker has version 1 of it, and the config sends version 2.
    expect(find("Contracts", "REPORT")).toMatchObject({
      status: "problem",
      remedy: "Deploy workers that handle version 2.",
    });
    expect(code).toBe(1);
  });

  test("prints groups, a line for each check, and what to do", async () => {
    const { code, stdout, stderr } = await attempt("doctor", ON_REDIS, {
      env: { REDIS_URL: server.url, QUEUE_NAMESPACE: "printed" },
    });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^Node\n {2}(ok|warning) +node /);
    expect(stdout).toMatch(/\nRedis\n {2}ok {7}connection {3}Redis at .* answers\.\n/);
    expect(stdout).toMatch(/\n {2}warning {2}workers +No worker is alive: .*\n +→ Start one: queue worker\n/);
    expect(stdout).toMatch(/\n\d warnings?, \d+ ok/);
  });

  test("asks whether an empty namespace is the wrong one", async () => {
    const admin = new Redis(server.url);
    await admin.sadd("{shop}:queues", "mails");
    const { code, find } = await examine({ REDIS_URL: server.url, QUEUE_NAMESPACE: "shpo" });
    await admin.del("{shop}:queues");
    await admin.quit();
    expect(find("Redis", "namespace")).toMatchObject({
      status: "warning",
      text: expect.stringContaining('"shpo" is empty, and database 0 has jobs in'),
    });
    expect(find("Redis", "namespace")?.text).toContain('"shop"');
    expect(code).toBe(0);
  });

  test("says once that rights are missing, and doesn't refer to itself", async () => {
    const admin = new Redis(server.url);
    await admin.call("ACL", "SETUSER", "few", "on", ">pw", "~*", "&*", "+@read", "+@connection", "+info");
    await admin.quit();
    const { find, groups } = await examine({ REDIS_URL: server.url.replace("//", "//few:pw@") });
    expect(find("Redis", "rights")).toMatchObject({ status: "problem" });
    expect(find("Contracts", "workers")).toMatchObject({ status: "skipped" });
    expect(JSON.stringify(groups)).not.toContain("queue doctor");
  });

  test("reports the rest when the server is away, or the config is broken", async () => {
    const away = await examine({ REDIS_URL: "redis://127.0.0.1:1" });
    expect(away.code).toBe(1);
    expect(away.find("Config", "config")).toMatchObject({ status: "ok" });
    expect(away.find("Redis", "connection")).toMatchObject({ status: "problem", remedy: expect.any(String) });
    const broken = await examine({ REDIS_URL: server.url }, "export default {};");
    expect(broken.code).toBe(1);
    expect(broken.find("Config", "config")).toMatchObject({
      text: expect.stringContaining("queue is missing"),
    });
    // The server of the environment.
    expect(broken.find("Redis", "version")).toMatchObject({ status: "ok" });
  });
});

describe("Node and packages", () => {
  const now = new Date("2026-12-01");
  test.each([
    ["20.8.1", "problem"],
    ["20.20.2", "warning"],
    ["21.7.0", "warning"],
    ["22.1.0", "ok"],
    ["24.0.0", "ok"],
    ["31.0.0", "ok"],
  ])("Node %s: %s", (version, status) => {
    expect(checkVersion(version, now)).toMatchObject({ check: "node", status });
  });

  test.each([
    ["5.9.0", "problem", "5.9.0 is installed, and ^6.0.0 is needed."],
    ["6.4.0", "ok", "6.4.0."],
    [undefined, "problem", "It isn't installed, and the environment names a Redis server."],
  ])("ioredis %s: %s", (version, status, text) => {
    const manifest = (fields: object) => JSON.stringify({ name: "x", ...fields });
    const own = { version: "1.2.3", peerDependencies: { ioredis: "^6.0.0" } };
    const files = temporaryProject({
      "app/node_modules/@org/queue/package.json": manifest(own),
      ...(version !== undefined && { "app/node_modules/ioredis/package.json": manifest({ version }) }),
    });
    const checks = checkNode(`${files}/app/queue.config.ts`, { REDIS_URL: "redis://localhost" });
    expect(checks).toContainEqual(expect.objectContaining({ check: "ioredis", status, text }));
  });
});

test("migrate applies what is missing once, and doctor says so", async () => {
  const postgres = await startPostgres();
  const core = new URL("../../../core/", import.meta.url).pathname;
  const config = `
import { drizzle } from "${core}node_modules/drizzle-orm/node-postgres";
import { pgListener } from "@org/queue/postgres";
import pg from "${core}node_modules/pg";
${ON_REDIS.replace(
  "export default defineConfig({",
  `const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const listener = pgListener({ connect: () => new pg.Client(process.env.DATABASE_URL) });
export default defineConfig({
  database: () => ({ db: drizzle(pool), listener }),
  close: () => Promise.all([pool.end(), listener.close()]),`,
)}`;
  const env = { REDIS_URL: server.url, DATABASE_URL: postgres.url };
  try {
    const run = async (line: string) => (await attempt(line, config, { env })).stdout;
    expect((await examine(env, config)).find("Postgres", "migrations")).toMatchObject({
      status: "problem",
      text: "These are missing: 1 outbox, 2 inbox, 3 changes.",
      remedy: "Run: queue migrate",
    });
    expect(await run("migrate --dry-run")).toMatch(
      /^-- In the schema queue.*\n-- 0001 outbox\ncreate table /,
    );
    expect(await run("migrate")).toBe("applied  0001 outbox\napplied  0002 inbox\napplied  0003 changes\n");
    expect(await run("migrate")).toBe("The schema queue is up to date.\n");
    const after = await examine(env, config);
    for (const check of ["connection", "version", "migrations", "rights", "listener"]) {
      expect(after.find("Postgres", check)).toMatchObject({ status: "ok" });
    }
  } finally {
    await postgres.stop();
  }
  const { code, stderr } = await attempt("migrate", ON_REDIS);
  expect([code, stderr]).toEqual([78, expect.stringContaining("queue.config.ts names no database.")]);
}, 30_000);
