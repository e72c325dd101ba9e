import { getTableColumns, type InferSelectModel, type SQL, sql } from "drizzle-orm";
import { getTableConfig, type PgColumn, type PgTable } from "drizzle-orm/pg-core";
import { asTyped, type Database, queryRows } from "../database.ts";
import { qualifiedName } from "./triggers.ts";

/** Values of the key columns as text, in the columns' order. */
export type Key = readonly string[];

/** A row that changed, or `undefined` for one that was deleted. */
export interface ReadRow<Table extends PgTable> {
  readonly key: Key;
  readonly row: InferSelectModel<Table> | undefined;
}

interface Version {
  /** The transaction that wrote it: two updates of one millisecond differ. */
  readonly version: string;
  /** `updated_at` in milliseconds. */
  readonly at: number;
}

interface KeyedVersion extends Version {
  readonly key: string;
}

/** A transaction that stays open for ever must not make each look at the table a longer one. */
const LONGEST_TRANSACTION = "1 hour";

/** Reads what changed in a table, each version of a row once. */
export class ChangeReader<Table extends PgTable> {
  readonly #db: Database;
  readonly #table: Table;
  readonly #keyColumns: readonly PgColumn[];
  readonly #updatedAt: PgColumn;
  readonly #overlap: number;
  /** The newest version that was read of the rows that a look might find again. */
  readonly #seen = new Map<string, Version>();
  /** All that was committed with an earlier `updated_at` was seen. */
  #since = 0;

  /** `overlap`, in milliseconds: how late the clock may be that set `updated_at`. */
  constructor(db: Database, table: Table, keyColumns: readonly PgColumn[], overlap: number) {
    this.#overlap = overlap;
    this.#db = db;
    this.#table = table;
    this.#keyColumns = keyColumns;
    this.#updatedAt = getTableConfig(table).columns.find(({ name }) => name === "updated_at")!;
  }

  /** Takes what the table holds now as seen, and answers the schema that it was found in. */
  async begin(): Promise<string> {
    const [found] = await this.#run(
      sql<{ schema: string }>`
        select nspname as schema from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.oid = ${qualifiedName(this.#table)}::regclass`,
    );
    this.#since = await this.#horizon();
    for (const { key, ...version } of await this.#lookSince(this.#since)) this.#seen.set(key, version);
    return (found as { schema: string }).schema;
  }

  /** The keys of rows that were written since the last look, whoever told of them. Not of deleted ones. */
  async findChanged(): Promise<readonly Key[]> {
    const horizon = await this.#horizon();
    const found = await this.#lookSince(this.#since);
    const changed = found.filter(({ key, version }) => this.#seen.get(key)?.version !== version);
    this.#since = horizon;
    for (const [key, { at }] of this.#seen) if (at < horizon) this.#seen.delete(key);
    return changed.map(({ key }) => JSON.parse(key) as Key);
  }

  /** The rows of these keys, except those in a version that was read before. */
  async read(keys: readonly Key[]): Promise<readonly ReadRow<Table>[]> {
    const wanted = new Map(keys.map((key) => [JSON.stringify(key), key]));
    const records = keys.map((key) =>
      Object.fromEntries(this.#keyColumns.map(({ name }, at) => [name, key[at]])),
    );
    const names = this.#keyColumns.map(({ name }) => sql.identifier(name));
    // Postgres knows best how a key reads as text.
    const rows = await asTyped("Reading changes", () =>
      this.#db
        .select({ row: getTableColumns(this.#table as PgTable), ...this.#version() })
        .from(this.#table as PgTable)
        .where(
          sql`(${sql.join([...this.#keyColumns], sql`, `)}) in (
            select ${sql.join(names, sql`, `)}
            from jsonb_populate_recordset(null::${this.#table}, ${JSON.stringify(records)}::text::jsonb)
          )`,
        ),
    );
    const read: ReadRow<Table>[] = [];
    for (const { row, key: id, version, at } of rows) {
      const key = canonical(id);
      const isNew = this.#seen.get(key)?.version !== version;
      const asked = wanted.get(key);
      wanted.delete(key);
      this.#seen.set(key, { version, at });
      if (isNew) read.push({ key: asked ?? JSON.parse(key), row: row as InferSelectModel<Table> });
    }
    for (const [id, key] of wanted) {
      this.#seen.delete(id);
      read.push({ key, row: undefined });
    }
    return read;
  }

  async #lookSince(since: number): Promise<readonly KeyedVersion[]> {
    const { key, version, at } = this.#version();
    const rows = await this.#run(
      sql<KeyedVersion>`
        select ${key} as key, ${version} as version, ${at} as at from ${this.#table}
        where ${this.#updatedAt} >= to_timestamp(${since}::float8 / 1000)`,
    );
    return (rows as KeyedVersion[]).map((row) => ({ ...row, key: canonical(row.key) }));
  }

  /**
   * A time before which nothing will be written any more: when the oldest transaction began that may still commit.
   * Transactions of other roles may be hidden from us.
   */
  async #horizon(): Promise<number> {
    const [row] = await this.#run(sql<{ at: number }>`
      select (extract(epoch from greatest(
        least(clock_timestamp(), min(xact_start)), clock_timestamp() - ${LONGEST_TRANSACTION}::interval
      )) * 1000)::float8 as at
      from pg_stat_activity where backend_xid is not null and datname = current_database()`);
    return (row as { at: number }).at - this.#overlap;
  }

  #version() {
    const texts = this.#keyColumns.map((column) => sql`to_jsonb(${column}) #>> '{}'`);
    return {
      key: sql<string>`jsonb_build_array(${sql.join(texts, sql`, `)})::text`,
      version: sql<string>`${this.#table}.xmin::text`,
      at: sql<number>`(extract(epoch from ${this.#updatedAt}) * 1000)::float8`,
    };
  }

  #run<Row>(query: SQL<Row>): Promise<Row[]> {
    return asTyped("Reading changes", () => queryRows<Row>(this.#db, query));
  }
}

/** Postgres puts spaces into JSON. */
function canonical(key: string): string {
  return JSON.stringify(JSON.parse(key));
}
