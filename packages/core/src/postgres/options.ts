import { is } from "drizzle-orm";
import { PgDatabase, PgTable } from "drizzle-orm/pg-core";
import * as z from "zod/mini";
import { SHOWN } from "../contract/option-issues.ts";
import { QueueError } from "../errors/queue-error.ts";
import type { ChangeListener } from "./changes/listener.ts";
import type { Database } from "./database.ts";

/** Not `public`: there, `drizzle-kit push` would drop tables that the app's schema file doesn't declare. */
export const DEFAULT_SCHEMA = "queue";

/** An option that names a schema. Postgres silently truncates longer names. */
export function schemaName() {
  return z.string().check(
    z.refine((name) => name.length > 0 && Buffer.byteLength(name) <= 63 && !name.includes("\0"), {
      error: "expected a schema's name of 1 to 63 bytes",
      params: SHOWN,
    }),
  );
}

const EXPECTED_DATABASE =
  "expected a database of Drizzle on Postgres, for example drizzle(pool) of drizzle-orm/node-postgres";

/** An option that takes a database. With replicas it uses the primary, so that reads see the last writes. */
export function database() {
  return z.pipe(
    z.unknown().check(
      z.superRefine((value, context) => {
        const problem = databaseProblem(value);
        if (problem !== undefined) context.addIssue({ code: "custom", message: problem, input: value });
      }),
    ),
    z.transform((value) => primaryOf(value as Database)),
  );
}

/**
 * Like `database`, for a parameter. `"any"` also allows a database on a single connection.
 *
 * @throws {QueueError} `INVALID_OPTIONS`.
 */
export function readDatabase<DB extends Database>(what: string, db: DB, connections: "any" | "pool"): DB {
  const problem = databaseProblem(db, connections);
  if (problem === undefined) return primaryOf(db);
  throw new QueueError("INVALID_OPTIONS", `${what}: db: ${problem}.`, {
    issues: [{ path: "db", message: problem }],
  });
}

function databaseProblem(value: unknown, connections: "any" | "pool" = "pool"): string | undefined {
  const db = primaryOf(value as Database);
  if (!is(db, PgDatabase)) return EXPECTED_DATABASE;
  return connections === "pool" && isSingleConnection(db)
    ? "it has a single connection, where transactions of the app and this library would mix. Pass a pool: " +
        "drizzle(new pg.Pool({ connectionString }))"
    : undefined;
}

/** The result of `withReplicas` isn't a database instance, but holds one. */
function primaryOf<DB extends Database>(db: DB): DB {
  return (db as { readonly $primary?: DB } | null | undefined)?.$primary ?? db;
}

/** Whether the client is a single client of `pg`, or of a driver modelled on it, not a pool. */
function isSingleConnection({ $client }: Database & { readonly $client?: unknown }): boolean {
  return typeof $client === "object" && $client !== null && "connectionParameters" in $client;
}

/** An option that takes a listener, from any copy of this library. */
export function changeListener() {
  return z.custom<ChangeListener>(
    (value) => typeof (value as Partial<ChangeListener> | null)?.listen === "function",
    "expected a listener: pgListener, postgresJsListener or pgliteListener",
  );
}

/** Whether a value is a Drizzle table, from any copy of Drizzle. */
export function isTable(value: unknown): value is PgTable {
  return is(value, PgTable);
}
