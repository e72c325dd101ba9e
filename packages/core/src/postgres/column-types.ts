import { type SQL, sql } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import { columnName, qualifiedName } from "./column-names.ts";
import { type Database, queryRows } from "./database.ts";

/** A column as declared in the database. */
export interface ColumnType {
  readonly name: string;
  /** As `format_type` writes it, for example `"Mood"`, `app.mood`, `numeric(10,2)`. */
  readonly type: string;
  /** The type as SQL, with the column's collation if it isn't the type's default. */
  readonly declaration: SQL;
}

/** A table's schema and columns, read from the database once. */
interface Catalog {
  readonly schema: string;
  readonly types: ReadonlyMap<string, ColumnType>;
}

/**
 * The schema of a table and the types of its columns, read from the database. Drizzle can't name a type that needs
 * quotes or a schema, and its declaration may differ from how the table was created.
 */
export class TableCatalog {
  readonly #db: Database;
  readonly #table: PgTable;
  #catalog: Promise<Catalog> | undefined;

  constructor(db: Database, table: PgTable) {
    this.#db = db;
    this.#table = table;
  }

  async schema(): Promise<string> {
    return (await this.#read()).schema;
  }

  async typeOf(column: PgColumn): Promise<ColumnType> {
    return (await this.#read()).types.get(columnName(this.#db, column))!;
  }

  async typesOf(columns: readonly PgColumn[]): Promise<readonly ColumnType[]> {
    const { types } = await this.#read();
    return columns.map((column) => types.get(columnName(this.#db, column))!);
  }

  #read(): Promise<Catalog> {
    const reading = this.#catalog ?? readCatalog(this.#db, this.#table);
    this.#catalog = reading;
    reading.catch(() => {
      this.#catalog = undefined;
    });
    return reading;
  }
}

/** Casts a text to the type of a column. */
export function castText(text: string | undefined, { declaration }: ColumnType): SQL {
  // Through `text`, because drivers serialize parameters of other types differently.
  return sql`${text}::text::${declaration}`;
}

async function readCatalog(db: Database, table: PgTable): Promise<Catalog> {
  const rows = await queryRows<{
    readonly schema: string;
    readonly name: string;
    readonly type: string;
    readonly collation: string;
  }>(
    db,
    sql`
      select ns.nspname as schema, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
        case when a.attcollation <> t.typcollation then format(' collate %I.%I', cn.nspname, co.collname) else '' end
          as collation
      from pg_class c
        join pg_namespace ns on ns.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        join pg_type t on t.oid = a.atttypid
        left join pg_collation co on co.oid = a.attcollation
        left join pg_namespace cn on cn.oid = co.collnamespace
      where c.oid = ${qualifiedName(table)}::regclass`,
  );
  const types = rows.map(({ name, type, collation }): [string, ColumnType] => [
    name,
    { name, type, declaration: sql.raw(`${type}${collation}`) },
  ]);
  return { schema: rows[0]!.schema, types: new Map(types) };
}
