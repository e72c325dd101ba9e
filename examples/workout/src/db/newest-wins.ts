import { getTableColumns, type SQL, sql } from "drizzle-orm";
import type { AnyPgColumn, PgTable } from "drizzle-orm/pg-core";

/**
 * The `on conflict` clause of every write that may be repeated or late: the row takes the new values unless it already
 * has a change that was sent later. Writing the same change twice changes nothing.
 */
export function newestWins<T extends PgTable & { id: AnyPgColumn; changedAt: AnyPgColumn }>(
  table: T,
  columns: readonly (keyof T["$inferInsert"] & string)[],
) {
  const all = getTableColumns(table);
  const set: Record<string, SQL> = {};
  for (const column of [...columns, "changedAt"]) {
    set[column] = sql.raw(`excluded."${all[column]!.name}"`);
  }
  return { target: table.id, set, setWhere: sql`${table.changedAt} <= excluded.changed_at` };
}
