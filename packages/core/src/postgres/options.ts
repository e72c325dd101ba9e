import { is } from "drizzle-orm";
import { PgDatabase, PgTable } from "drizzle-orm/pg-core";
import * as z from "zod/mini";
import type { ChangeListener } from "./changes/listener.ts";
import type { Database } from "./database.ts";

/** A schema of its own: `drizzle-kit push` would drop from `public` what the app's own schema file doesn't know. */
export const DEFAULT_SCHEMA = "queue";

/** An option that names a schema. Postgres would cut a longer name off, and so mean another one. */
export function schemaName() {
  return z
    .string()
    .check(
      z.refine(
        (name) => name.length > 0 && Buffer.byteLength(name) <= 63 && !name.includes("\0"),
        "expected a schema's name of 1 to 63 bytes",
      ),
    );
}

/** An option that takes a database. */
export function database() {
  return z.custom<Database>(
    (value) => is(value, PgDatabase),
    "expected a database of Drizzle on Postgres, for example drizzle(pool) of drizzle-orm/node-postgres",
  );
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
