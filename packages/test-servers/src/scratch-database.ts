import { randomBytes } from "node:crypto";
import pg from "pg";
import type { ServerSource } from "./server-source.ts";

/**
 * A new database on the server of `DATABASE_URL`, whose other databases aren't changed. A killed test run leaves it
 * behind; its name says where it came from.
 */
export function scratchDatabase(): ServerSource {
  return {
    name: "DATABASE_URL",
    async start() {
      const serverUrl = process.env.DATABASE_URL;
      if (!serverUrl) return { unavailable: "not set" };
      const name = `queue_test_${randomBytes(6).toString("hex")}`;
      await query(serverUrl, `CREATE DATABASE ${name}`);
      const url = new URL(serverUrl);
      url.pathname = `/${name}`;
      return {
        url: url.href,
        pid: undefined,
        // Forced, because pools of a failed test may still be connected.
        stop: () => query(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
      };
    },
  };
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
