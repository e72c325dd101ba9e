import { is } from "drizzle-orm";
import { PgTable } from "drizzle-orm/pg-core";
import * as z from "zod/mini";

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

/** Whether a value is a table of Drizzle, of whichever copy of it. */
export function isTable(value: unknown): value is PgTable {
  return is(value, PgTable);
}
