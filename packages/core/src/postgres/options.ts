import { is } from "drizzle-orm";
import { PgDatabase, PgTable } from "drizzle-orm/pg-core";
import * as z from "zod/mini";
import { SHOWN } from "../contract/option-issues.ts";
import { QueueError } from "../errors/queue-error.ts";
import type { ChangeListener } from "./changes/listener.ts";
import type { Database } from "./database.ts";

/** A schema of its own: `drizzle-kit push` would drop from `public` what the app's own schema file doesn't know. */
export const DEFAULT_SCHEMA = "queue";

/** An option that names a schema. Postgres would cut a longer name off, and so mean another one. */
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

/** An option that takes a database. Of one with replicas it takes the primary: what was just written must be read. */
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
 * A database given as a parameter, as `database` reads an option; with `"any"` also one on a single connection.
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
    ? "it has a single connection, on which transactions of others would mix with this library's: give it a pool, as " +
        "in drizzle(new pg.Pool({ connectionString }))"
    : undefined;
}

/** What `withReplicas` makes is no instance of a database any more, but holds one. */
function primaryOf<DB extends Database>(db: DB): DB {
  return (db as { readonly $primary?: DB } | null | undefined)?.$primary ?? db;
}

/** Whether it is a connected client of `pg`, or of what is made after it, and no pool of them. */
function isSingleConnection({ $client }: Database & { readonly $client?: unknown }): boolean {
  return typeof $client === "object" && $client !== null && "connectionParameters" in $client;
}

/** An option that takes a listener, of whichever copy of this library. */
export function changeListener() {
  return z.custom<ChangeListener>(
    (value) => typeof (value as Partial<ChangeListener> | null)?.listen === "function",
    "expected a listener: pgListener, postgresJsListener or pgliteListener",
  );
}

/** Whether a value is a table of Drizzle, of whichever copy of it. */
export function isTable(value: unknown): value is PgTable {
  return is(value, PgTable);
}
