/// <reference lib="esnext.disposable" preserve="true" />
import { sql } from "drizzle-orm";
import * as z from "zod/mini";
import type { Duration } from "../../contract/duration.ts";
import { duration, parseOptions } from "../../contract/options.ts";
import { isQueueError, QueueError } from "../../errors/queue-error.ts";
import { consoleLogger, safeOnError } from "../../logging/logger.ts";
import { ChangeFeed } from "../changes/change-feed.ts";
import type { ChangeListener } from "../changes/listener.ts";
import { TableCatalog } from "../column-types.ts";
import { type Database, withTypedErrors } from "../database.ts";
import { isRowError, reasonOf } from "../database-errors.ts";
import { changeListener, database } from "../options.ts";
import { surviveLostConnections } from "../transaction.ts";
import { listRows, type StatusListOptions, type StatusPage } from "./list.ts";
import { OutageReport } from "./outage-report.ts";
import {
  type AnyStatusTable,
  readKey,
  readStatusTable,
  STATUSES,
  type Status,
  type StatusFields,
  type StatusKey,
  type StatusRow,
  type StatusTableParts,
  whereKey,
} from "./table.ts";
import { StatusWriter } from "./writer.ts";

/** What `createStatusStore` takes. */
export interface StatusStoreOptions<T extends AnyStatusTable> {
  /** A Drizzle database on any Postgres driver. */
  readonly db: Database;
  readonly table: T;
  /** Reports changes to `subscribe` at once. Without it, polling finds them. */
  readonly listener?: ChangeListener | undefined;
  /** Time between two polls for changes, "10ms" to "1h". @default "1s", or "10s" with a listener */
  readonly pollInterval?: Duration | undefined;
  /**
   * Called when transitions can't be written (once, however long it lasts), and for bad rows.
   * @default console.error
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** What `upsert` sets: fields, and the library's columns that a caller may write. */
export type StatusValues<T extends AnyStatusTable> = StatusFields<T> & {
  /** Setting a status detaches the row from its job, until a job writes it again. */
  readonly status?: Status | undefined;
  readonly errorMessage?: string | null | undefined;
};

/** A changed row, or `row: null` if it was deleted. */
export interface StatusChange<T extends AnyStatusTable> {
  readonly key: StatusKey<T>;
  readonly row: StatusRow<T> | null;
}

const optionsSchema = z.strictObject({
  db: database(),
  table: z.custom<AnyStatusTable>((value) => value !== undefined, "expected a table from statusTable(…)"),
  listener: z.optional(changeListener()),
  pollInterval: z.optional(duration({ min: 10, max: 3_600_000 })),
  onError: z.optional(
    z.custom<(error: unknown) => void>((value) => typeof value === "function", "expected a function"),
  ),
});

/** Reads and writes the rows of a status table. Created by `createStatusStore`. */
export class StatusStore<T extends AnyStatusTable = AnyStatusTable> {
  readonly table: T;
  /** @internal */
  readonly parts: StatusTableParts;
  /** @internal */
  readonly db: Database;
  /** @internal */
  readonly writer: StatusWriter;
  /** @internal */
  readonly outages = new OutageReport();
  /** @internal */
  readonly onError: (error: unknown) => void;
  readonly #feed: ChangeFeed<T>;
  readonly #catalog: TableCatalog;
  readonly #subscriptions = new Set<() => Promise<void>>();
  #isClosed = false;

  /** @internal */
  constructor(options: StatusStoreOptions<T>) {
    const { db, table, listener, pollInterval, onError } = parseOptions(
      "createStatusStore",
      optionsSchema,
      options,
    );
    surviveLostConnections(db);
    this.db = db;
    this.table = table as T;
    this.parts = readStatusTable(table);
    const { name, keyColumns } = this.parts;
    this.onError = onError
      ? safeOnError(`onError of the status table ${name}`, onError)
      : (error) => consoleLogger.error(`The status table ${name}:`, error);
    this.writer = new StatusWriter({
      db,
      table,
      parts: this.parts,
      outages: this.outages,
      onError: this.onError,
    });
    this.#catalog = new TableCatalog(db, table);
    this.#feed = new ChangeFeed({
      db,
      table: this.table,
      keyColumns,
      listener,
      pollInterval,
      onError: this.onError,
    });
  }

  /** The columns of the key, in the order of the primary key. */
  get keyNames(): readonly string[] {
    return this.parts.keyNames;
  }

  /** The fields that the table declares beside its key and the library's columns. */
  get fieldNames(): readonly string[] {
    return this.parts.fieldNames;
  }

  /**
   * The row of a subject, or `null` if nothing has run for it yet.
   *
   * @throws {QueueError} `INVALID_OPTIONS`, `DATABASE_UNAVAILABLE`, `DATABASE_MISCONFIGURED`.
   *
   * @example
   * const scan = await scans.get({ guildId, channelId });
   * if (scan === null) return "never scanned";
   */
  async get(key: StatusKey<T>): Promise<StatusRow<T> | null> {
    const condition = whereKey(this.parts, readKey(this.parts, "get", key));
    const rows = await this.#run(() => this.db.select().from(this.#anyTable).where(condition));
    return (rows[0] as StatusRow<T> | undefined) ?? null;
  }

  /**
   * Rows, page by page, most recently changed first unless `orderBy` says otherwise.
   *
   * @throws {QueueError} as `get`.
   *
   * @example
   * const { rows, cursor } = await scans.list({ where: { guildId, status: ["PENDING", "RUNNING"] }, limit: 20 });
   */
  async list(options: StatusListOptions<T> = {}): Promise<StatusPage<T>> {
    return this.#run(() => listRows(this.db, this.table, this.parts, this.#catalog, options));
  }

  /**
   * Writes fields, a status, or both, and returns the row. Columns that you leave out keep their values. A `status`
   * detaches the row from its job: `jobId` is cleared, `startedAt` and `finishedAt` follow the status, and the next
   * write of any job takes the row over. Fields alone leave the row with its job.
   *
   * @throws {QueueError} as `get`.
   *
   * @example
   * await scans.upsert({ guildId, channelId }, { forwardMessageId: null, status: "PENDING" });
   */
  async upsert(key: StatusKey<T>, values: StatusValues<T>): Promise<StatusRow<T>> {
    const given = readKey(this.parts, "upsert", key);
    const set = { ...this.#readValues(values), updatedAt: sql`clock_timestamp()` };
    const rows = await this.#run(() =>
      this.db
        .insert(this.#anyTable)
        .values({ ...set, ...given })
        .onConflictDoUpdate({ target: [...this.parts.keyColumns], set })
        .returning(),
    );
    return (rows as StatusRow<T>[])[0]!;
  }

  /**
   * Calls `listener` with each row that changes from now on, whoever wrote it. With `key`, only for that subject. A row
   * that changes faster than it is read is reported in its latest state. The table needs its triggers: `migrate(db, {
   * statusTables: [table] })`. Returns a function that unsubscribes.
   *
   * @throws {QueueError} as `get`, `CLOSED`.
   *
   * @example
   * const stop = await scans.subscribe(({ row }) => console.log(row?.status, row?.messageCount), { key });
   */
  async subscribe(
    listener: (change: StatusChange<T>) => void,
    options: { readonly key?: StatusKey<T> | undefined } = {},
  ): Promise<() => Promise<void>> {
    if (this.#isClosed) throw new QueueError("CLOSED", "The status store is closed. Create a new one.");
    const { parts } = this;
    const wanted = options.key === undefined ? undefined : readKey(parts, "subscribe", options.key);
    const stop = await this.#run(() =>
      this.#feed.subscribe(
        ({ key, row }) => listener({ key: key as StatusKey<T>, row: (row ?? null) as StatusRow<T> | null }),
        wanted && parts.keyNames.map((name) => wanted[name]),
      ),
    );
    const unsubscribe = async () => {
      if (this.#subscriptions.delete(unsubscribe)) await stop();
    };
    this.#subscriptions.add(unsubscribe);
    return unsubscribe;
  }

  /** Writes what is pending, for up to five seconds, and ends all subscriptions. `db` and `listener` stay open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.writer.flush(5_000);
    this.writer.close();
    await Promise.all([...this.#subscriptions].map((unsubscribe) => unsubscribe()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #anyTable(): AnyStatusTable {
    return this.table;
  }

  #readValues(values: StatusValues<T>): Record<string, unknown> {
    const { status, errorMessage, ...fields } = values as Record<string, unknown>;
    const unknown = Object.keys(fields).find((name) => !this.parts.fieldNames.includes(name));
    if (unknown !== undefined) {
      const known = [...this.parts.fieldNames, "status", "errorMessage"].join(", ");
      throw new QueueError("INVALID_OPTIONS", `upsert: unknown column ${unknown}. Known: ${known}.`);
    }
    if (status !== undefined && !STATUSES.includes(status as Status)) {
      throw new QueueError("INVALID_OPTIONS", `upsert: unknown status. Use one of ${STATUSES.join(", ")}.`);
    }
    return {
      ...fields,
      ...(status !== undefined && { ...manualStatus(status as Status) }),
      ...(errorMessage !== undefined && { errorMessage }),
    };
  }

  async #run<R>(work: () => Promise<R>): Promise<R> {
    const what = `The status table ${this.parts.name}`;
    try {
      return await withTypedErrors(what, work);
    } catch (error) {
      if (isQueueError(error) || !isRowError(error)) throw error;
      const message = `${what} rejects a value: ${reasonOf(error)} Pass values that its columns accept.`;
      throw new QueueError("INVALID_OPTIONS", message, { cause: error });
    }
  }
}

function manualStatus(status: Status): Record<string, unknown> {
  const isOver = status !== "PENDING" && status !== "RUNNING";
  return {
    status,
    jobId: null,
    epoch: 0,
    errorMessage: null,
    finishedAt: isOver ? sql`clock_timestamp()` : null,
    ...(status === "RUNNING" && { startedAt: sql`clock_timestamp()` }),
    ...(status === "PENDING" && { startedAt: null }),
  };
}

/**
 * Opens a store over a status table.
 *
 * @throws {QueueError} `INVALID_OPTIONS`.
 *
 * @example
 * const scans = createStatusStore({ db: drizzle(pool), table: scanStatus, listener: pgListener({ connectionString })
 * }); await scans.get({ guildId, channelId }); // null: never scanned
 */
export function createStatusStore<T extends AnyStatusTable>(options: StatusStoreOptions<T>): StatusStore<T> {
  return new StatusStore(options);
}
