import { getTableColumns, getTableName, is, type SQL, sql } from "drizzle-orm";
import type { BuildColumns } from "drizzle-orm/column-builder";
import {
  check,
  getTableConfig,
  index,
  integer,
  type PgColumn,
  type PgColumnBuilderBase,
  PgTable,
  type PgTableExtraConfigValue,
  type PgTableFn,
  type PgTableWithColumns,
  pgSchema,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from "drizzle-orm/pg-core";
import { QueueError } from "../../errors/queue-error.ts";

/** The state of a subject's newest job. A subject without a row has never had a job. */
export const STATUSES = ["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const;

export type Status = (typeof STATUSES)[number];

/** Columns that identify a subject. All must be `notNull()`. */
export type KeyColumns = Record<string, PgColumnBuilderBase & { readonly _: { readonly notNull: true } }>;
/** The app's own columns. Each must be nullable or have a default: the row exists before its job starts. */
export type FieldColumns = Record<string, PgColumnBuilderBase>;

/** What `statusTable` takes after the name. */
export interface StatusTableDefinition<Key extends KeyColumns, Fields extends FieldColumns> {
  readonly key: Key;
  /** @default {} */
  readonly fields?: Fields | undefined;
  /** The Postgres schema of the table. @default the connection's search path */
  readonly schema?: string | undefined;
}

declare const parts: unique symbol;

/** A Drizzle table created by `statusTable`. Join, query and migrate it like any other. */
export type StatusTable<
  Name extends string = string,
  Key extends KeyColumns = KeyColumns,
  Fields extends FieldColumns = FieldColumns,
> = PgTableWithColumns<{
  name: Name;
  schema: string | undefined;
  dialect: "pg";
  columns: BuildColumns<Name, Key & Fields & OwnColumns, "pg">;
}> & { readonly [parts]?: { readonly key: keyof Key; readonly fields: keyof Fields } };

/** Any status table. */
// biome-ignore lint/suspicious/noExplicitAny: a table's columns are invariant in their types
export type AnyStatusTable = PgTableWithColumns<any> & {
  readonly [parts]?: { readonly key: PropertyKey; readonly fields: PropertyKey };
};

type Parts<T extends AnyStatusTable> = NonNullable<T[typeof parts]>;

/** A row: the key, the app's fields, and `status`, `jobId`, `epoch`, `errorMessage` and the four timestamps. */
export type StatusRow<T extends AnyStatusTable> = T["$inferSelect"];
/** The key of a subject, for example `{ guildId, channelId }`. */
export type StatusKey<T extends AnyStatusTable> = {
  readonly [Name in Parts<T>["key"] & keyof T["$inferSelect"]]: T["$inferSelect"][Name];
};
/** Some of the app's fields. Fields that are left out keep their values. */
export type StatusFields<T extends AnyStatusTable> = {
  readonly [Name in Parts<T>["fields"] & keyof T["$inferInsert"]]?: T["$inferInsert"][Name] | undefined;
};

type OwnColumns = ReturnType<typeof ownColumns>;

const instant = (name: string) => timestamp(name, { withTimezone: true });

const ownColumns = () => ({
  status: text("status", { enum: STATUSES }).notNull().default("PENDING"),
  jobId: text("job_id"),
  epoch: integer("epoch").notNull().default(0),
  errorMessage: text("error_message"),
  createdAt: instant("created_at").notNull().defaultNow(),
  startedAt: instant("started_at"),
  finishedAt: instant("finished_at"),
  updatedAt: instant("updated_at").notNull().defaultNow(),
});

const OWN_NAMES: ReadonlySet<string> = new Set(Object.keys(ownColumns()));

/**
 * Creates the Drizzle table of a status: your key columns (its primary key), your fields, and the library's columns
 * `status`, `job_id`, `epoch`, `error_message`, `created_at`, `started_at`, `finished_at` and `updated_at`. Export it
 * from your schema file, so that drizzle-kit generates its migration.
 *
 * @throws {QueueError} `INVALID_OPTIONS` without a key column, for a nullable key column, for a field that is neither
 * nullable nor has a default, and for a column with the name of a library column.
 *
 * @example
 * export const scanStatus = statusTable("scan_status", {
 *   key: { guildId: text("guild_id").notNull(), channelId: text("channel_id").notNull() },
 *   fields: { messageCount: integer("message_count").notNull().default(0) },
 * });
 */
export function statusTable<
  Name extends string,
  Key extends KeyColumns,
  Fields extends FieldColumns = Record<never, never>,
>(name: Name, definition: StatusTableDefinition<Key, Fields>): StatusTable<Name, Key, Fields> {
  const { key, fields = {}, schema } = definition;
  const keyNames = Object.keys(key);
  const taken = [...keyNames, ...Object.keys(fields)];
  const clash = taken.find((column) => OWN_NAMES.has(column)) ?? keyNames.find((column) => column in fields);
  if (clash !== undefined) throw invalid(name, `the column ${clash} is declared twice`);

  const columns = { ...key, ...fields, ...ownColumns() };
  // Drizzle doesn't let an app declare the schema `public`.
  const make =
    schema === undefined || schema === "public" ? pgTable : (pgSchema(schema).table as unknown as PgTableFn);
  const extras = (self: Record<string, PgColumn>): PgTableExtraConfigValue[] => {
    const keyColumns = keyNames.map((column) => self[column]!) as [PgColumn, ...PgColumn[]];
    if (keyColumns.length === 0) throw invalid(name, "it needs at least one key column");
    const { status, jobId, updatedAt } = self as Record<string, PgColumn>;
    return [
      primaryKey({ columns: keyColumns }),
      check(`${name}_status_check`, sql`${status!} in (${sql.raw(STATUSES.map(quote).join(", "))})`),
      index(`${name}_job_id_index`).on(jobId!),
      index(`${name}_updated_at_index`).on(updatedAt!),
      index(`${name}_unfinished_index`).on(updatedAt!).where(sql.raw("status in ('PENDING', 'RUNNING')")),
    ];
  };
  const table = make(name, columns, extras as never) as unknown as StatusTable<Name, Key, Fields>;
  readStatusTable(table);
  return table;
}

/** The columns of a status table by role. */
export interface StatusTableParts {
  readonly name: string;
  /** Property names, in the order of the primary key. */
  readonly keyNames: readonly string[];
  readonly keyColumns: readonly PgColumn[];
  readonly fieldNames: readonly string[];
  readonly columns: Readonly<Record<string, PgColumn>>;
  /** Whether keys with different `subjectOf` also differ for Postgres. To Postgres, `1.0` and `1.00` are one number. */
  readonly hasExactKeys: boolean;
}

/** Types of Drizzle columns whose values each have exactly one text in `subjectOf`. */
const EXACT_KINDS =
  /^Pg(Text|Varchar|UUID|SmallInt|Integer|BigInt\d*|SmallSerial|Serial|BigSerial\d*|Boolean|Enum\w*Column|Timestamp|Date)$/;

/** @throws {QueueError} `INVALID_OPTIONS` if it isn't a status table. */
export function readStatusTable(table: unknown): StatusTableParts {
  if (!is(table, PgTable)) {
    throw new QueueError("INVALID_OPTIONS", "Expected a table from statusTable(…).");
  }
  const name = getTableName(table);
  // Without a prototype, because callers look columns up by names from outside.
  const columns: Record<string, PgColumn> = Object.assign(Object.create(null), getTableColumns(table));
  const primary = getTableConfig(table).primaryKeys[0]?.columns ?? [];
  const keyNames = primary.map(
    (key) => Object.keys(columns).find((column) => columns[column]!.name === key.name)!,
  );
  const keyColumns = keyNames.map((column) => columns[column]!);
  const foreign = [...OWN_NAMES].find((column) => !columns[column]);
  if (foreign !== undefined || keyColumns.length === 0) {
    throw invalid(name, "it isn't a status table. Create it with statusTable(…)");
  }
  const fieldNames = Object.keys(columns).filter(
    (column) => !OWN_NAMES.has(column) && !keyNames.includes(column),
  );
  const nullableKey = keyNames.find((column) => !columns[column]!.notNull);
  if (nullableKey !== undefined) throw invalid(name, `the key column ${nullableKey} must be notNull()`);
  const required = fieldNames.find((column) => columns[column]!.notNull && !columns[column]!.hasDefault);
  if (required !== undefined) {
    const why = "the row exists before its job sets any field";
    throw invalid(name, `the field ${required} must be nullable or have a default: ${why}`);
  }
  const hasExactKeys = keyColumns.every(({ columnType }) => EXACT_KINDS.test(columnType));
  return { name, keyNames, keyColumns, fieldNames, columns, hasExactKeys };
}

/** A key as text, equal for equal keys. Used in memory only. */
export function subjectOf({ keyNames, columns }: StatusTableParts, key: Readonly<Record<string, unknown>>) {
  const values = keyNames.map((name) => {
    const value = columns[name]!.mapToDriverValue(key[name]);
    if (columns[name]!.columnType === "PgUUID") return `${value}`.toLowerCase().replaceAll(/[{}-]/g, "");
    return typeof value === "bigint" ? `${value}` : value;
  });
  return JSON.stringify(values);
}

/** @throws {QueueError} `INVALID_OPTIONS` if the key lacks a column, has one too many, or contains null. */
export function readKey(parts: StatusTableParts, what: string, key: unknown): Record<string, unknown> {
  const given: Record<string, unknown> = typeof key === "object" && key !== null ? { ...key } : {};
  const names = Object.keys(given);
  const isWhole = parts.keyNames.every((name) => given[name] !== undefined && given[name] !== null);
  if (isWhole && names.length === parts.keyNames.length) return given;
  const wanted = parts.keyNames.join(", ");
  const got = names.length > 0 ? names.join(", ") : "none of them";
  throw new QueueError("INVALID_OPTIONS", `${what}: expected the key { ${wanted} }, got ${got}.`);
}

/** The condition that a row has a key. */
export function whereKey({ keyNames, columns }: StatusTableParts, key: Record<string, unknown>): SQL {
  return sql.join(
    keyNames.map((name) => sql`${columns[name]!} = ${sql.param(key[name], columns[name]!)}`),
    sql` and `,
  );
}

function quote(value: string): string {
  return `'${value}'`;
}

function invalid(name: string, problem: string): QueueError {
  return new QueueError("INVALID_OPTIONS", `statusTable ${name}: ${problem}.`);
}
