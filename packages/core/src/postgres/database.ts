import { type SQL, sql } from "drizzle-orm";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import { toTypedError } from "./database-errors.ts";

/** A database of any of Drizzle's Postgres drivers, or a transaction of one. */
// biome-ignore lint/suspicious/noExplicitAny: whatever schema it was given, and all of them are invariant.
export type Database = PgDatabase<PgQueryResultHKT, any, any>;

/**
 * The rows of a query. Drivers parse `bigint` and `timestamptz` differently, so select text or `float8`.
 *
 * @example
 * const [row] = await queryRows<{ count: number }>(db, sql`select count(*)::int as count from queue_outbox`);
 */
export async function queryRows<Row>(db: Database, query: SQL): Promise<Row[]> {
  const answer: unknown = await db.execute(query);
  return Array.isArray(answer) ? (answer as Row[]) : (answer as { readonly rows: Row[] }).rows;
}

/** Whether an SQL condition is true. */
export async function isTrue(db: Database, condition: SQL): Promise<boolean> {
  const [row] = await queryRows<{ isTrue: boolean }>(db, sql`select ${condition} as "isTrue"`);
  return row!.isTrue;
}

/**
 * Runs work on a database and turns its errors into `QueueError`s that say what to do. Messages begin with `what`, for
 * example `"The outbox"`.
 *
 * @throws {QueueError} `DATABASE_UNAVAILABLE` (retryable), `DATABASE_MISCONFIGURED`. Other errors are thrown unchanged.
 */
export async function withTypedErrors<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toTypedError(what, error);
  }
}
