import { type Casing, sql } from "drizzle-orm";
import { CasingCache, toCamelCase, toSnakeCase } from "drizzle-orm/casing";
import { getTableConfig, type PgColumn, type PgTable } from "drizzle-orm/pg-core";
import * as z from "zod/mini";
import { parseOptions } from "../../contract/options.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { columnName, primaryKeyOf, qualifiedName, quoteName } from "../column-names.ts";
import { type Database, queryRows } from "../database.ts";
import { DEFAULT_SCHEMA, schemaName } from "../options.ts";

export interface StatusTableSqlOptions {
  /** The schema that `migrate` created the library's functions in. @default "queue" */
  readonly schema?: string | undefined;
  /** The `casing` of your Drizzle database. Needed if key columns are declared without a name. */
  readonly casing?: "snake_case" | "camelCase" | undefined;
}

const optionsSchema = z.strictObject({
  schema: z._default(schemaName(), DEFAULT_SCHEMA),
  casing: z.optional(z.enum(["snake_case", "camelCase"])),
});

/** Names of both the functions and their triggers. */
const NOTIFY = "queue_notify_change";
const TOUCH = "queue_touch_row";

/**
 * SQL for a migration of your own that lets subscribers follow a table: one trigger notifies them of the key of each
 * changed row, another sets `updated_at` if the writer didn't. It may run again. Run it after the table's own migration
 * and after `migrate`, which does the same with `statusTables`.
 *
 * @throws {QueueError} `INVALID_OPTIONS`: the table lacks a primary key or `updated_at`, or a key column was declared
 * without a name and `casing` isn't given.
 *
 * @example
 * writeFileSync("drizzle/0007_scan_status_changes.sql", statusTableSql(scanStatus));
 */
export function statusTableSql(table: PgTable, options: StatusTableSqlOptions = {}): string {
  const { schema, casing } = parseOptions("statusTableSql", optionsSchema, options);
  return statementsFor(table, schema, (column) => nameWithCasing(column, casing))
    .map((statement) => `${statement};\n`)
    .join("--> statement-breakpoint\n");
}

/** Whether a table has the current triggers. */
export async function hasChangeTriggers(db: Database, table: PgTable, schema: string): Promise<boolean> {
  // pg_trigger stores each argument with a trailing zero byte.
  const args = keyColumns(table).map(
    (column) => sql`convert_to(${columnName(db, column)}, getdatabaseencoding()) || '\\x00'::bytea`,
  );
  const [row] = await queryRows<{ found: number }>(
    db,
    sql`
      select count(*)::int as found
      from pg_trigger t join pg_proc f on f.oid = t.tgfoid join pg_namespace n on n.oid = f.pronamespace
      where t.tgrelid = ${qualifiedName(table)}::regclass and t.tgname = f.proname and n.nspname = ${schema}
        and t.tgenabled <> 'D'
        and (t.tgname = ${TOUCH} or (t.tgname = ${NOTIFY} and t.tgargs = ${sql.join(args, sql` || `)}))`,
  );
  return row!.found === 2;
}

/** Attaches the triggers. Locks the table. */
export async function attachChangeTriggers(db: Database, table: PgTable, schema: string): Promise<void> {
  const statements = statementsFor(table, schema, (column) => columnName(db, column));
  for (const statement of statements) await db.execute(sql.raw(statement));
}

function statementsFor(
  table: PgTable,
  schema: string,
  nameOf: (column: PgColumn) => string,
): readonly string[] {
  const { name, columns } = getTableConfig(table);
  if (!columns.some((column) => column.name === "updated_at")) {
    throw unfollowable(name, 'it has no column "updated_at": add `updatedAt: timestamp("updated_at", …)`');
  }
  const target = qualifiedName(table);
  const args = keyColumns(table).map((column) => `'${nameOf(column).replaceAll("'", "''")}'`);
  const drop = (trigger: string) => `drop trigger if exists ${trigger} on ${target}`;
  return [
    drop(NOTIFY),
    `create trigger ${NOTIFY} after insert or update or delete on ${target}\n` +
      `  for each row execute function ${quoteName(schema)}.${NOTIFY}(${args.join(", ")})`,
    drop(TOUCH),
    `create trigger ${TOUCH} before update on ${target}\n` +
      `  for each row when (new.updated_at is not distinct from old.updated_at)\n` +
      `  execute function ${quoteName(schema)}.${TOUCH}()`,
  ];
}

/** @throws {QueueError} `INVALID_OPTIONS`. */
function keyColumns(table: PgTable): readonly PgColumn[] {
  const keys = primaryKeyOf(table);
  if (keys.length === 0) throw unfollowable(getTableConfig(table).name, "it has no primary key");
  return keys;
}

/** The name of a column if there is no database to ask for its `casing`. */
function nameWithCasing(column: PgColumn, casing: Casing | undefined): string {
  const { name } = column;
  if (
    casing === undefined &&
    column.keyAsName &&
    (toSnakeCase(name) !== name || toCamelCase(name) !== name)
  ) {
    throw unfollowable(
      getTableConfig(column.table as PgTable).name,
      `its key column ${name} is declared without a name, and \`casing\` may change it. ` +
        `Name it, for example text(${JSON.stringify(toSnakeCase(name))}), or pass \`casing\``,
    );
  }
  return new CasingCache(casing).getColumnCasing(column);
}

function unfollowable(table: string, why: string): QueueError {
  return new QueueError("INVALID_OPTIONS", `Changes of table "${table}" can't be followed: ${why}.`);
}
