import { sql } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import * as z from "zod/mini";
import { parseOptions } from "../contract/options.ts";
import { QueueError } from "../errors/queue-error.ts";
import { attachChangeTriggers, hasChangeTriggers } from "./changes/triggers.ts";
import { type Database, isTrue, queryRows, withTypedErrors } from "./database.ts";
import { assertMayCreate, assertOwnsTable } from "./migrate-rights.ts";
import { type Migration, migrations } from "./migrations.ts";
import { DEFAULT_SCHEMA, isTable, readDatabase, schemaName } from "./options.ts";
import { inTransaction } from "./transaction.ts";

export interface MigrateOptions {
  /** The schema of the library's tables. Created if it doesn't exist. @default "queue" */
  readonly schema?: string | undefined;
  /** Tables whose changes you subscribe to. Each gets the triggers of `statusTableSql`. They must exist. */
  readonly statusTables?: readonly PgTable[] | undefined;
}

/** What `migrate` takes. */
export const migrateSchema = z.strictObject({
  schema: z._default(schemaName(), DEFAULT_SCHEMA),
  statusTables: z._default(z.array(z.custom<PgTable>(isTable, "expected a table of Drizzle")), []),
});

const latest = migrations.length;

/** @throws {QueueError} `INVALID_OPTIONS`. */
export function readMigrateOptions(what: string, options: MigrateOptions) {
  return parseOptions(what, migrateSchema, options);
}

/**
 * Brings the library's tables up to date in one transaction, and returns the versions it applied. If everything is up
 * to date it applies none and needs read access only. Several processes may call it at once.
 *
 * @throws {QueueError} `INVALID_OPTIONS`; `DATABASE_UNAVAILABLE`; `DATABASE_MISCONFIGURED`, also if a newer version
 * of this library has migrated the schema.
 *
 * @example
 * const db = drizzle(process.env.DATABASE_URL);
 * await migrate(db, { schema: "queue", statusTables: [scanStatus] }); // → [1, 2, 3]
 */
export async function migrate(db: Database, options: MigrateOptions = {}): Promise<number[]> {
  const { schema, statusTables } = readMigrateOptions("migrate", options);
  const database = readDatabase("migrate", db, "any");
  return withTypedErrors("migrate", () =>
    inTransaction(database, (tx) => migrateWithin(tx, schema, statusTables)),
  );
}

async function migrateWithin(
  tx: Database,
  schema: string,
  statusTables: readonly PgTable[],
): Promise<number[]> {
  const findPending = async () => ({
    missing: await findMissing(tx, schema),
    detached: await findDetached(tx, schema, statusTables),
  });
  const found = await findPending();
  if (found.missing.length === 0 && found.detached.length === 0) return [];
  await queryRows(tx, sql`select pg_advisory_xact_lock(hashtextextended(${`queue:migrate:${schema}`}, 0))`);
  // Another process may have done it while this one waited for the lock.
  const { missing, detached } = await findPending();
  if (missing.length > 0) await apply(tx, schema, missing);
  for (const table of detached) {
    await assertOwnsTable(tx, table);
    await attachChangeTriggers(tx, table, schema);
  }
  return missing.map(({ version }) => version);
}

async function apply(tx: Database, schema: string, missing: readonly Migration[]): Promise<void> {
  const exists = await isTrue(tx, sql`exists (select from pg_namespace where nspname = ${schema})`);
  await assertMayCreate(tx, schema, exists);
  // `create schema if not exists` needs the privilege even if the schema exists.
  if (!exists) {
    await tx.execute(sql`create schema ${sql.identifier(schema)}`);
  }
  const [before] = await queryRows<{ path: string }>(tx, sql`select current_setting('search_path') as path`);
  await setSearchPath(tx, `"${schema.replaceAll('"', '""')}"`);
  for (const { statements } of missing) {
    for (const statement of statements) await tx.execute(sql.raw(statement));
  }
  // This may be a savepoint in the caller's transaction.
  await setSearchPath(tx, before!.path);
}

/** The migrations that the schema lacks. @throws {QueueError} `DATABASE_MISCONFIGURED` if it is newer. */
export async function findMissing(tx: Database, schema: string): Promise<readonly Migration[]> {
  const table = sql`${sql.identifier(schema)}.queue_migrations`;
  const exists = sql`exists (select from pg_tables where schemaname = ${schema} and tablename = 'queue_migrations')`;
  if (!(await isTrue(tx, exists))) return migrations;
  const applied = new Set(
    (await queryRows<{ version: number }>(tx, sql`select version from ${table}`)).map(
      ({ version }) => version,
    ),
  );
  const newest = Math.max(0, ...applied);
  if (newest > latest) {
    throw new QueueError(
      "DATABASE_MISCONFIGURED",
      `migrate: schema "${schema}" is at version ${newest}, and this version of @org/queue knows ${latest}. ` +
        "A newer version has migrated the database: update @org/queue in this process.",
    );
  }
  await assertTablesExist(tx, schema, applied);
  return migrations.filter(({ version }) => !applied.has(version));
}

/** The tables of each migration that creates some. */
const TABLES = [
  { version: 1, name: "queue_outbox" },
  { version: 1, name: "queue_relay" },
  { version: 2, name: "queue_inbox" },
];

/** @throws {QueueError} `DATABASE_MISCONFIGURED` if a table of an applied migration is gone. */
async function assertTablesExist(tx: Database, schema: string, applied: ReadonlySet<number>): Promise<void> {
  const found = await queryRows<{ name: string }>(
    tx,
    sql`select tablename as name from pg_tables where schemaname = ${schema}`,
  );
  const there = new Set(found.map(({ name }) => name));
  const gone = TABLES.find(({ version, name }) => applied.has(version) && !there.has(name));
  if (!gone) return;
  const { version, name } = gone;
  const others = TABLES.filter((table) => table.version === version && there.has(table.name));
  throw new QueueError(
    "DATABASE_MISCONFIGURED",
    `migrate: the table "${schema}".${name} is gone, though migration ${version}, which creates it, was applied. ` +
      "Restore it from a backup. " +
      (version === 2 && others.length === 0
        ? `If what it held may be lost: delete from "${schema}".queue_migrations where version = ${version}, and run \`migrate\` again.`
        : "If what it held may be lost, run the statements that create it: `pendingMigrations` of an unused `schema` returns them."),
  );
}

async function findDetached(
  tx: Database,
  schema: string,
  tables: readonly PgTable[],
): Promise<readonly PgTable[]> {
  const detached: PgTable[] = [];
  for (const table of tables) if (!(await hasChangeTriggers(tx, table, schema))) detached.push(table);
  return detached;
}

async function setSearchPath(tx: Database, path: string): Promise<void> {
  await queryRows(tx, sql`select set_config('search_path', ${path}, true)`);
}
