import { getTableConfig, type PgColumn, type PgTable } from "drizzle-orm/pg-core";
import type { Database } from "./database.ts";

/** How Drizzle names the columns that were declared without a name. */
interface Casing {
  getColumnCasing(column: PgColumn): string;
}

/** The name of a column in a database. Its `casing` option may derive it from the property name. */
export function columnName(db: Database, column: PgColumn): string {
  const { dialect } = db as unknown as { readonly dialect?: { readonly casing?: Casing } };
  return dialect?.casing?.getColumnCasing(column) ?? column.name;
}

/** The columns of a table's primary key, in order. Empty without one. */
export function primaryKeyOf(table: PgTable): readonly PgColumn[] {
  const { columns, primaryKeys } = getTableConfig(table);
  return primaryKeys[0]?.columns ?? columns.filter(({ primary }) => primary);
}

/** A table's name as SQL. Without a schema, Postgres uses the search path. */
export function qualifiedName(table: PgTable): string {
  const { name, schema } = getTableConfig(table);
  return schema === undefined ? quoteName(name) : `${quoteName(schema)}.${quoteName(name)}`;
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
