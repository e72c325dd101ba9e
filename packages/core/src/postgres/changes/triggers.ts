import { sql } from "drizzle-orm";
import { getTableConfig, type PgTable } from "drizzle-orm/pg-core";
import * as z from "zod/mini";
import { parseOptions } from "../../contract/options.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { type Database, queryRows } from "../database.ts";
import { DEFAULT_SCHEMA, schemaName } from "../options.ts";

export interface StatusTableSqlOptions {
  /** Where `migrate` put the library's functions. @default "queue" */
  readonly schema?: string | undefined;
}

const optionsSchema = z.strictObject({ schema: z._default(schemaName(), DEFAULT_SCHEMA) });

/** The same in a schema's triggers and functions. */
const NOTIFY = "queue_notify_change";
const TOUCH = "queue_touch_row";

/**
 * The statements that attach a table to its readers, for a migration of your own: a trigger tells them the key of
 * each changed row, another one sets `updated_at` where a writer left it as it was. They may run again, and come after
 * the table's own migration and after `migrate`, which does the same with `statusTables`.
 *
 * @throws {QueueError} `INVALID_OPTIONS`: the table lacks a primary key or `updated_at`.
 *
 * @example
 * writeFileSync("drizzle/0007_scan_status_changes.sql", statusTableSql(scanStatus));
 */
export function statusTableSql(table: PgTable, options: StatusTableSqlOptions = {}): string {
  const { schema } = parseOptions("statusTableSql", optionsSchema, options);
  return statementsFor(table, schema)
    .map((statement) => `${statement};\n`)
    .join("--> statement-breakpoint\n");
}

/** Whether a table has the triggers as they should be. */
export async function hasChangeTriggers(db: Database, table: PgTable, schema: string): Promise<boolean> {
  // As pg_trigger keeps them: each with a zero behind it.
  const args = keyColumns(table).map(
    (column) => sql`convert_to(${column}, getdatabaseencoding()) || '\\x00'::bytea`,
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

/** Attaches the triggers, which locks the table. */
export async function attachChangeTriggers(db: Database, table: PgTable, schema: string): Promise<void> {
  for (const statement of statementsFor(table, schema)) await db.execute(sql.raw(statement));
}

function statementsFor(table: PgTable, schema: string): readonly string[] {
  const { name, columns } = getTableConfig(table);
  if (!columns.some((column) => column.name === "updated_at")) {
    throw refused(name, 'it has no column "updated_at": add `updatedAt: timestamp("updated_at", …)`');
  }
  const target = qualifiedName(table);
  const args = keyColumns(table).map((column) => `'${column.replaceAll("'", "''")}'`);
  const drop = (trigger: string) => `drop trigger if exists ${trigger} on ${target}`;
  return [
    drop(NOTIFY),
    `create trigger ${NOTIFY} after insert or update or delete on ${target}\n` +
      `  for each row execute function ${quote(schema)}.${NOTIFY}(${args.join(", ")})`,
    drop(TOUCH),
    `create trigger ${TOUCH} before update on ${target}\n` +
      `  for each row when (new.updated_at is not distinct from old.updated_at)\n` +
      `  execute function ${quote(schema)}.${TOUCH}()`,
  ];
}

/** The names that a table's key columns have in the database. @throws {QueueError} `INVALID_OPTIONS`. */
function keyColumns(table: PgTable): readonly string[] {
  const { name, columns, primaryKeys } = getTableConfig(table);
  const keys = primaryKeys[0]?.columns ?? columns.filter(({ primary }) => primary);
  if (keys.length === 0) throw refused(name, "it has no primary key");
  return keys.map((column) => column.name);
}

/** As SQL. Without a schema it is looked for on the search path. */
export function qualifiedName(table: PgTable): string {
  const { name, schema } = getTableConfig(table);
  return schema === undefined ? quote(name) : `${quote(schema)}.${quote(name)}`;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function refused(table: string, why: string): QueueError {
  return new QueueError("INVALID_OPTIONS", `Table "${table}" can't be followed: ${why}.`);
}
