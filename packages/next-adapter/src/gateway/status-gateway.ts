import { QueueError } from "@org/queue";
import type { AnyStatusTable, StatusKey, StatusStore } from "@org/queue/postgres";
import type { AccessControl, Permit } from "../access/access-control.ts";
import type { StatusSubject } from "../access/authorize.ts";
import { Refusal } from "../access/refusal.ts";

/** A status table as clients see it. */
export interface StatusSource {
  readonly store: StatusStore;
  /** Columns that clients may list by, beside those of the key and `status`. @default none */
  readonly filters?: readonly string[] | undefined;
  /** Columns that clients get, beside those of the key. @default the table's own fields, `status` and the times */
  readonly columns?: readonly string[] | undefined;
}

/** A row as clients see it: JSON, its times ISO 8601 and its bigints texts. */
export type WireRow = Readonly<Record<string, unknown>>;

export interface WireRowPage {
  readonly rows: readonly WireRow[];
  readonly cursor?: string;
}

const LIBRARY_COLUMNS = ["status", "startedAt", "finishedAt", "createdAt", "updatedAt"];

/** Reads of status rows that clients ask for, each authorised. */
export class StatusGateway {
  readonly #sources: ReadonlyMap<string, StatusSource>;
  readonly #access: AccessControl;

  constructor(sources: Readonly<Record<string, StatusSource>>, access: AccessControl) {
    this.#sources = new Map(Object.entries(sources));
    this.#access = access;
  }

  /** The row of a subject, or `null`. */
  async read(table: string, key: StatusSubject, request?: Request): Promise<WireRow | null> {
    await this.permitRead(table, key, request);
    const source = this.#source(table);
    const row = await source.store.get(key as StatusKey<AnyStatusTable>);
    return row && toWireRow(row, source);
  }

  /** @throws {Refusal}; {QueueError} `INVALID_OPTIONS` for what isn't the table's key. */
  async permitRead(table: string, key: StatusSubject, request?: Request): Promise<Permit> {
    this.#assertKey(table, key);
    const permit = await this.#access.permit({
      action: "read-statuses",
      table,
      subjects: [key],
      ...(request && { request }),
    });
    if (!permit.allowsStatus(key)) throw new Refusal("FORBIDDEN");
    return permit;
  }

  /** Rows by values of declared columns, the most recently changed first. */
  async list(
    table: string,
    where: Readonly<Record<string, unknown>>,
    page: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
    request?: Request,
  ): Promise<WireRowPage> {
    const source = this.#source(table);
    const permit = await this.permitList(table, where, request);
    const { rows, cursor } = await source.store.list({ where: where as object, ...page });
    return {
      rows: rows.filter((row) => mayList(permit, source, row)).map((row) => toWireRow(row, source)),
      ...(cursor !== undefined && { cursor }),
    };
  }

  /** @throws {Refusal}; {QueueError} `INVALID_OPTIONS` for a column that isn't declared. */
  async permitList(
    table: string,
    where: Readonly<Record<string, unknown>>,
    request?: Request,
  ): Promise<Permit> {
    const { store, filters = [] } = this.#source(table);
    const declared = [...store.keyNames, "status", ...filters];
    const unknown = Object.keys(where).find((name) => !declared.includes(name));
    if (unknown !== undefined) {
      throw new QueueError("INVALID_OPTIONS", `Statuses of ${table} aren't listed by ${unknown}.`);
    }
    return this.#access.permit({ action: "list-statuses", table, where, ...(request && { request }) });
  }

  #assertKey(table: string, key: StatusSubject): void {
    const { keyNames } = this.#source(table).store;
    const names = Object.keys(key);
    const isWhole = names.length === keyNames.length && keyNames.every((name) => isScalar(key[name]));
    if (!isWhole)
      throw new QueueError("INVALID_OPTIONS", `The key of ${table} is { ${keyNames.join(", ")} }.`);
  }

  #source(table: string): StatusSource {
    const source = this.#sources.get(table);
    if (!source) throw new Refusal("ROUTE_NOT_FOUND");
    return source;
  }
}

function mayList(permit: Permit, { store }: StatusSource, row: object): boolean {
  if (permit.allowsAll) return true;
  const key = store.keyNames.map((name) => [name, Reflect.get(row, name)]);
  return permit.allowsStatus(Object.fromEntries(key));
}

function isScalar(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

export function toWireRow(row: object, { store, columns }: StatusSource): WireRow {
  const shown = [...store.keyNames, ...(columns ?? [...store.fieldNames, ...LIBRARY_COLUMNS])];
  return Object.fromEntries(shown.map((name) => [name, toWireValue(Reflect.get(row, name))]));
}

function toWireValue(value: unknown): unknown {
  if (typeof value === "bigint") return `${value}`;
  return value === undefined ? null : value;
}
