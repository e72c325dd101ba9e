import { sql } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import { QueueError } from "../errors/queue-error.ts";
import { qualifiedName, quoteName } from "./column-names.ts";
import { type Database, isTrue, queryRows } from "./database.ts";

/**
 * Checks privileges up front: Postgres only reports "no schema has been selected to create in", and names no grant.
 *
 * @throws {QueueError} `DATABASE_MISCONFIGURED`.
 */
export async function assertMayCreate(tx: Database, schema: string, isThere: boolean): Promise<void> {
  const privilege = isThere
    ? sql`has_schema_privilege(${schema}, 'usage') and has_schema_privilege(${schema}, 'create')`
    : sql`has_database_privilege(current_database(), 'create')`;
  if (await isTrue(tx, privilege)) return;
  const [names] = await queryRows<{ role: string; database: string }>(
    tx,
    sql`select current_user::text as role, current_database()::text as database`,
  );
  const role = quoteName(names!.role);
  throw new QueueError(
    "DATABASE_MISCONFIGURED",
    isThere
      ? `migrate: permission denied: the role ${role} may not create tables in the schema ${quoteName(schema)}. ` +
          `As the owner of the schema, run: grant usage, create on schema ${quoteName(schema)} to ${role}. ` +
          "Or run `migrate` as the owner."
      : `migrate: permission denied: the role ${role} may not create the schema ${quoteName(schema)}. ` +
          `As the owner of the database, run: create schema ${quoteName(schema)} authorization ${role}. ` +
          "Or run `migrate` as a role that may create schemas.",
  );
}

/** Only the owner of a table may replace its triggers. @throws {QueueError} `DATABASE_MISCONFIGURED`. */
export async function assertOwnsTable(tx: Database, table: PgTable): Promise<void> {
  const name = qualifiedName(table);
  const [row] = await queryRows<{ owns: boolean; owner: string }>(
    tx,
    sql`select pg_has_role(relowner, 'usage') as owns, pg_get_userbyid(relowner)::text as owner
      from pg_class where oid = ${name}::regclass`,
  );
  if (row!.owns) return;
  throw new QueueError(
    "DATABASE_MISCONFIGURED",
    `migrate: permission denied: the table ${name} belongs to the role ${quoteName(row!.owner)}, so only that role may ` +
      "attach its triggers. Run `migrate` as that role, or put the SQL of `statusTableSql` into your own migration.",
  );
}
