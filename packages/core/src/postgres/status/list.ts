import { and, eq, getTableColumns, inArray, is, isNull, or, SQL, sql } from "drizzle-orm";
import type { PgColumn } from "drizzle-orm/pg-core";
import * as z from "zod/mini";
import { parseOptions } from "../../contract/options.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { castText, type TableCatalog } from "../column-types.ts";
import type { Database } from "../database.ts";
import type { AnyStatusTable, StatusRow, StatusTableParts } from "./table.ts";

/** Conditions on columns, combined with "and": a value, an array of allowed values, or `null` for rows without one. */
export type StatusFilter<T extends AnyStatusTable> = {
  readonly [Name in keyof StatusRow<T>]?: StatusRow<T>[Name] | readonly StatusRow<T>[Name][] | undefined;
};

/** What `list` takes. */
export interface StatusListOptions<T extends AnyStatusTable> {
  /** Conditions on columns, or any Drizzle condition. @default all rows */
  readonly where?: StatusFilter<T> | SQL | undefined;
  /** A column. Rows without a value come last. @default { column: "updatedAt", direction: "desc" } */
  readonly orderBy?:
    | { readonly column: keyof StatusRow<T> & string; readonly direction?: "asc" | "desc" | undefined }
    | undefined;
  /** 1 to 1,000. @default 50 */
  readonly limit?: number | undefined;
  /** The cursor of the previous page, with the same `orderBy`. */
  readonly cursor?: string | undefined;
}

/** One page of rows. The last page has no `cursor`. */
export interface StatusPage<T extends AnyStatusTable> {
  readonly rows: readonly StatusRow<T>[];
  readonly cursor?: string;
}

const optionsSchema = z.strictObject({
  where: z.optional(
    z.custom<object>((value) => typeof value === "object" && value !== null, "expected columns or SQL"),
  ),
  orderBy: z._default(
    z.strictObject({ column: z.string(), direction: z._default(z.enum(["asc", "desc"]), "asc") }),
    { column: "updatedAt", direction: "desc" },
  ),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(1_000)), 50),
  cursor: z.optional(z.string()),
});

type Options = z.output<typeof optionsSchema>;

/** The last row of a page: the value that it is ordered by and its key, as text of Postgres. */
const positionSchema = z.strictObject({
  column: z.string(),
  direction: z.enum(["asc", "desc"]),
  value: z.nullable(z.string()),
  key: z.array(z.string()),
});

type Position = z.output<typeof positionSchema>;

/** @throws {QueueError} `INVALID_OPTIONS`. */
export async function listRows<T extends AnyStatusTable>(
  db: Database,
  table: T,
  parts: StatusTableParts,
  catalog: TableCatalog,
  options: StatusListOptions<T>,
): Promise<StatusPage<T>> {
  const parsed = parseOptions("list", optionsSchema, options);
  const { orderBy, limit } = parsed;
  const ordered = parts.columns[orderBy.column];
  if (!ordered) throw unknownColumn(parts, orderBy.column);
  const after = parsed.cursor === undefined ? undefined : readCursor(parsed.cursor, parsed, parts);
  const direction = sql.raw(orderBy.direction);

  const found = await db
    .select({
      row: getTableColumns(table as AnyStatusTable),
      value: sql<string | null>`${ordered}::text`,
      key: sql<string>`json_build_array(${sql.join(
        parts.keyColumns.map((column) => sql`${column}::text`),
        sql`, `,
      )})::text`,
    })
    .from(table as AnyStatusTable)
    .where(and(toCondition(parts, parsed.where), after && (await isAfter(parts, catalog, ordered, after))))
    .orderBy(sql`${ordered} ${direction} nulls last`, ...parts.keyColumns)
    .limit(limit + 1);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    rows: page.map(({ row }) => row as StatusRow<T>),
    ...(found.length > limit &&
      last && { cursor: toCursor({ ...orderBy, value: last.value, key: JSON.parse(last.key) }) }),
  };
}

function toCondition(parts: StatusTableParts, where: object | undefined): SQL | undefined {
  if (where === undefined || is(where, SQL)) return where;
  const conditions = Object.entries(where).map(([name, wanted]) => {
    const column = parts.columns[name];
    if (!column) throw unknownColumn(parts, name);
    return wanted === undefined ? undefined : isOneOf(column, wanted);
  });
  return and(...conditions);
}

function isOneOf(column: PgColumn, wanted: unknown): SQL | undefined {
  if (!Array.isArray(wanted)) return wanted === null ? isNull(column) : eq(column, wanted);
  const values = wanted.filter((value) => value !== null);
  const among = values.length > 0 ? inArray(column, values) : sql`false`;
  return values.length === wanted.length ? among : or(among, isNull(column));
}

/** Rows after a position in the order of the list: by the column, rows without a value last, then by the key. */
async function isAfter(
  { keyColumns }: StatusTableParts,
  catalog: TableCatalog,
  column: PgColumn,
  { value, key, direction }: Position,
): Promise<SQL> {
  const types = await catalog.typesOf(keyColumns);
  const keys = sql.join(
    types.map((type, index) => castText(key[index], type)),
    sql`, `,
  );
  const hasGreaterKey = sql`(${sql.join([...keyColumns], sql`, `)}) > (${keys})`;
  if (value === null) return sql`(${column} is null and ${hasGreaterKey})`;
  const position = castText(value, await catalog.typeOf(column));
  const beyond = sql.raw(direction === "asc" ? ">" : "<");
  return sql`(${column} ${beyond} ${position} or (${column} = ${position} and ${hasGreaterKey}) or ${column} is null)`;
}

function toCursor(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString("base64url");
}

function readCursor(cursor: string, { orderBy }: Options, { keyNames }: StatusTableParts): Position {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    // Refused below.
  }
  const parsed = positionSchema.safeParse(value);
  const isOfThisList =
    parsed.success &&
    parsed.data.column === orderBy.column &&
    parsed.data.direction === orderBy.direction &&
    parsed.data.key.length === keyNames.length;
  if (isOfThisList) return parsed.data;
  throw new QueueError(
    "INVALID_OPTIONS",
    "list: the cursor isn't from this list, or from another `orderBy`. Pass the cursor of the previous page.",
  );
}

function unknownColumn({ name, columns }: StatusTableParts, column: string): QueueError {
  return new QueueError(
    "INVALID_OPTIONS",
    `list: ${name} has no column ${JSON.stringify(column)}. It has: ${Object.keys(columns).join(", ")}.`,
  );
}
