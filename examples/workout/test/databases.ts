import { startPostgres } from "@org/test-servers";
import { sql } from "drizzle-orm";
import { test as base } from "vitest";
import { type OpenedDatabase, openDatabase } from "../src/db/open.ts";

export const DRIVERS = ["PGlite", "PostgreSQL"] as const;

// Opened once for all test files, on first use.
const withDatabases = base
  .extend("PGlite", { scope: "worker" }, async ({}, { onCleanup }) => {
    const opened = await openDatabase({ url: undefined, dataDir: undefined });
    onCleanup(() => opened.close());
    return opened;
  })
  .extend("PostgreSQL", { scope: "worker" }, async ({}, { onCleanup }) => {
    const server = await startPostgres();
    const opened = await openDatabase({ url: server.url });
    onCleanup(async () => {
      await opened.close();
      await server.stop();
    });
    return opened;
  });

/** `test` with a migrated, empty `database` and its `db`. */
export function testOn(driver: (typeof DRIVERS)[number]) {
  const test =
    driver === "PGlite"
      ? withDatabases.extend("database", ({ PGlite }) => empty(PGlite))
      : withDatabases.extend("database", ({ PostgreSQL }) => empty(PostgreSQL));
  return test.extend("db", ({ database }) => database.db);
}

async function empty(database: OpenedDatabase): Promise<OpenedDatabase> {
  await database.db.execute(
    sql`truncate clients, workout_plans, phases, sessions, exercises, removals, notifications, user_actions,
      email_outbox, sync_runs, queue.queue_outbox, queue.queue_inbox`,
  );
  return database;
}
