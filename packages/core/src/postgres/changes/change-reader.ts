import { getTableColumns, type InferSelectModel, type SQL, sql } from "drizzle-orm";
import { getTableConfig, type PgColumn, type PgTable } from "drizzle-orm/pg-core";
import type { ColumnType, TableCatalog } from "../column-types.ts";
import { type Database, queryRows, withTypedErrors } from "../database.ts";

/** Values of the key columns as text, in the columns' order. */
export type Key = readonly string[];

/** A row that changed. */
export interface ReadRow<Table extends PgTable> {
  /** Equal for keys that Postgres considers equal, however they are written. */
  readonly id: string;
  /** The values of the key columns, by their names in the Drizzle table. */
  readonly key: Readonly<Record<string, unknown>>;
  /** `undefined` if the row was deleted. */
  readonly row: InferSelectModel<Table> | undefined;
}

interface Version {
  /** The transaction that wrote the row. It tells apart two updates in one millisecond. */
  readonly version: string;
  /** `updated_at` in milliseconds. */
  readonly at: number;
}

interface KeyedVersion extends Version {
  readonly id: string;
  readonly key: Key;
}

/** Without this limit, a transaction that stays open would make each scan of the table longer. */
const MAX_TRANSACTION_AGE = "1 hour";

/** Types without a hash function. Equal values of them have equal texts. */
const UNHASHED = /^(bit|bit varying|money)\b/;

/** Alias of the keys to read, as a table with the key columns. */
const REQUESTED = sql.identifier("queue_requested");

export interface ChangeReaderParts<Table extends PgTable> {
  readonly db: Database;
  readonly table: Table;
  readonly keyColumns: readonly PgColumn[];
  readonly catalog: TableCatalog;
  /** How far the clock that sets `updated_at` may be behind, in milliseconds. */
  readonly overlap: number;
}

/** Reads the changed rows of a table, each version of a row once. */
export class ChangeReader<Table extends PgTable> {
  readonly #parts: ChangeReaderParts<Table>;
  /** The property name of each key column. */
  readonly #keyNames: readonly string[];
  readonly #updatedAt: PgColumn;
  /** The newest version read of each row that the next scan may find again, by the id of its key. */
  readonly #seen = new Map<string, Version>();
  /** Everything committed with an earlier `updated_at` has been seen. */
  #since = 0;

  constructor(parts: ChangeReaderParts<Table>) {
    this.#parts = parts;
    const properties = Object.entries(getTableColumns(parts.table));
    this.#keyNames = parts.keyColumns.map((key) => properties.find(([, column]) => column === key)![0]);
    this.#updatedAt = getTableConfig(parts.table).columns.find(({ name }) => name === "updated_at")!;
  }

  /** Marks the current rows as seen. Returns the schema of the table. */
  async initialize(): Promise<string> {
    const schema = await withTypedErrors("Reading changes", () => this.#parts.catalog.schema());
    this.#since = await this.#horizon();
    for (const { id, version, at } of await this.#lookSince(this.#since)) this.#seen.set(id, { version, at });
    return schema;
  }

  /** The keys of rows written since the last scan, with or without a notification. Deleted rows aren't found. */
  async findChanged(): Promise<readonly Key[]> {
    const horizon = await this.#horizon();
    const found = await this.#lookSince(this.#since);
    const changed = found.filter(({ id, version }) => this.#seen.get(id)?.version !== version);
    this.#since = horizon;
    for (const [id, { at }] of this.#seen) if (at < horizon) this.#seen.delete(id);
    return changed.map(({ key }) => key);
  }

  /** The rows with these keys, except versions that were read before. */
  async read(keys: readonly Key[]): Promise<readonly ReadRow<Table>[]> {
    const { db, table, keyColumns, catalog } = this.#parts;
    const types = await catalog.typesOf(keyColumns);
    const requested = types.map(({ name }) => sql`${REQUESTED}.${sql.identifier(name)}`);
    const records = keys.map((key) => Object.fromEntries(types.map(({ name }, at) => [name, key[at]])));
    const definitions = types.map(({ name, declaration }) => sql`${sql.identifier(name)} ${declaration}`);
    const found = await withTypedErrors("Reading changes", () =>
      db
        .select({
          row: getTableColumns(table as PgTable),
          key: Object.fromEntries(
            this.#keyNames.map((name, at) => [name, requested[at]!.mapWith(keyColumns[at]!)]),
          ),
          id: idOf(requested, types),
          version: sql<string | null>`${table}.xmin::text`,
          at: this.#at(),
        })
        .from(
          sql`jsonb_to_recordset(${JSON.stringify(records)}::text::jsonb) as ${REQUESTED}(${list(definitions)})`,
        )
        .leftJoin(table as PgTable, sql`(${list(keyColumns)}) = (${list(requested)})`),
    );
    const read = new Map<string, ReadRow<Table>>();
    for (const { row, key, id, version, at } of found) {
      if (version === null) this.#seen.delete(id);
      else if (this.#seen.get(id)?.version === version) continue;
      else this.#seen.set(id, { version, at });
      read.set(id, { id, key: key!, row: version === null ? undefined : (row as InferSelectModel<Table>) });
    }
    return [...read.values()];
  }

  /** The id of a key, whose values are in the order of the key columns. */
  async identify(values: readonly unknown[]): Promise<string> {
    const { keyColumns, catalog } = this.#parts;
    const [row] = await withTypedErrors("Reading changes", async () => {
      const types = await catalog.typesOf(keyColumns);
      const given = types.map(
        ({ name, declaration }, at) =>
          sql`${sql.param(values[at], keyColumns[at]!)}::${declaration} as ${sql.identifier(name)}`,
      );
      const requested = types.map(({ name }) => sql`${REQUESTED}.${sql.identifier(name)}`);
      return queryRows<{ id: string }>(
        this.#parts.db,
        sql`select ${idOf(requested, types)} as id from (select ${list(given)}) as ${REQUESTED}`,
      );
    });
    return row!.id;
  }

  async #lookSince(since: number): Promise<readonly KeyedVersion[]> {
    const { table, keyColumns, catalog } = this.#parts;
    const types = await withTypedErrors("Reading changes", () => catalog.typesOf(keyColumns));
    const texts = keyColumns.map((column) => sql`to_jsonb(${column}) #>> '{}'`);
    const rows = await this.#run(
      sql<{ id: string; key: string } & Version>`
        select ${idOf(keyColumns, types)} as id, jsonb_build_array(${list(texts)})::text as key,
          ${table}.xmin::text as version, ${this.#at()} as at
        from ${table} where ${this.#updatedAt} >= to_timestamp(${since}::float8 / 1000)`,
    );
    return rows.map((row) => ({ ...row, key: JSON.parse(row.key) as Key }));
  }

  /**
   * No later commit has an `updated_at` before this time: it is the start of the oldest open transaction. Transactions
   * of other roles may be invisible here.
   */
  async #horizon(): Promise<number> {
    const [row] = await this.#run(sql<{ at: number }>`
      select (extract(epoch from greatest(
        least(clock_timestamp(), min(xact_start)), clock_timestamp() - ${MAX_TRANSACTION_AGE}::interval
      )) * 1000)::float8 as at
      from pg_stat_activity where backend_xid is not null and datname = current_database()`);
    return row!.at - this.#parts.overlap;
  }

  #at(): SQL<number> {
    return sql<number>`(extract(epoch from ${this.#updatedAt}) * 1000)::float8`;
  }

  #run<Row>(query: SQL<Row>): Promise<Row[]> {
    return withTypedErrors("Reading changes", () => queryRows<Row>(this.#parts.db, query));
  }
}

/**
 * Equal for keys that Postgres considers equal, for example `1.0` and `1.00`, or text in a case-insensitive collation.
 */
function idOf(columns: readonly (SQL | PgColumn)[], types: readonly ColumnType[]): SQL<string> {
  const ids = columns.map((column, at) =>
    UNHASHED.test(types[at]!.type)
      ? sql`${column}::text`
      : sql`hash_array_extended(array[${column}], 0)::text`,
  );
  return sql<string>`concat_ws('/', ${list(ids)})`;
}

function list(parts: readonly (SQL | PgColumn)[]): SQL {
  return sql.join([...parts], sql`, `);
}
