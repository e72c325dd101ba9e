import type { PgTable } from "drizzle-orm/pg-core";
import { hasChangeTriggers } from "./changes/triggers.ts";
import { qualifiedName } from "./column-names.ts";
import { type Database, withTypedErrors } from "./database.ts";
import { findMissing, type MigrateOptions, readMigrateOptions } from "./migrate.ts";
import { readDatabase } from "./options.ts";

/** What `migrate` would do. */
export interface PendingMigrations {
  readonly migrations: readonly PendingMigration[];
  /** Names of the status tables that lack their triggers. */
  readonly statusTables: readonly string[];
}

export interface PendingMigration {
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
}

/**
 * What `migrate` with the same options would do. Only reads.
 *
 * @throws {QueueError} as `migrate`.
 *
 * @example
 * const { migrations } = await pendingMigrations(db);
 * if (migrations.length > 0) throw new Error("Run the migrations first.");
 */
export async function pendingMigrations(
  db: Database,
  options: MigrateOptions = {},
): Promise<PendingMigrations> {
  const { schema, statusTables } = readMigrateOptions("pendingMigrations", options);
  const database = readDatabase("pendingMigrations", db, "any");
  return withTypedErrors("pendingMigrations", async () => {
    const missing = await findMissing(database, schema);
    return {
      migrations: missing.map(({ version, name, statements }) => ({ version, name, statements })),
      statusTables: await findDetached(database, schema, statusTables),
    };
  });
}

async function findDetached(db: Database, schema: string, tables: readonly PgTable[]) {
  const names: string[] = [];
  for (const table of tables) {
    if (!(await hasChangeTriggers(db, table, schema))) names.push(qualifiedName(table));
  }
  return names;
}
