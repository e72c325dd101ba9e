import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, expect, test, vi } from "vitest";
import { startPostgres } from "../src/index.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

async function rows(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test("a server accepts its superuser, and is gone after stop", async () => {
  const postgres = await startPostgres();
  expect(await rows(postgres.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  await postgres.stop();
  await expect(rows(postgres.url, "SELECT 1")).rejects.toThrow();
});

test("DATABASE_URL provides a scratch database, dropped with its connections", async () => {
  const server = await startPostgres({ args: ["-c", "max_connections=20"] });
  vi.stubEnv("DATABASE_URL", server.url);

  const scratch = await startPostgres();
  expect(scratch.source).toBe("DATABASE_URL");
  expect(scratch.url).not.toBe(server.url);
  await rows(scratch.url, "CREATE TABLE plans (id int)");
  const forgotten = new pg.Client({ connectionString: scratch.url });
  forgotten.on("error", () => {});
  await forgotten.connect();

  await scratch.stop();
  await scratch.stop();
  const left = await rows(server.url, "SELECT datname FROM pg_database WHERE NOT datistemplate");
  expect(left).toEqual([{ datname: "postgres" }]);
  await server.stop();
});

test("an unreachable DATABASE_URL is an error, and no other source is tried", async () => {
  vi.stubEnv("DATABASE_URL", "postgres://postgres@127.0.0.1:1/postgres");
  await expect(startPostgres()).rejects.toThrow("ECONNREFUSED");
});

test("a stopped server restarts on its port with its data and password", async () => {
  const directory = await mkdtemp(join(tmpdir(), "queue-postgres-test-"));
  const first = await startPostgres({ directory });
  await rows(first.url, "CREATE TABLE plans AS SELECT 7 AS id");
  await first.stop();

  const second = await startPostgres({ directory, port: Number(new URL(first.url).port) });
  expect(second.url).toBe(first.url);
  expect(await rows(second.url, "SELECT id FROM plans")).toEqual([{ id: 7 }]);
  await second.stop();
  await rm(directory, { recursive: true });
});
