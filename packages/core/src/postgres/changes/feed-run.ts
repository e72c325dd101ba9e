import { getTableName } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import { QueueError } from "../../errors/queue-error.ts";
import { backoffDelay } from "../../timing/backoff.ts";
import { columnName } from "../column-names.ts";
import { TableCatalog } from "../column-types.ts";
import { reasonOf } from "../database-errors.ts";
import { isolateRefused } from "../refused-rows.ts";
import type { ChangeFeedOptions } from "./change-feed.ts";
import { ChangeReader, type Key, type ReadRow } from "./change-reader.ts";

/** The channel that `queue_notify_change` uses, for all tables of the database. */
const CHANNEL = "queue_changes";
/** Maximum number of rows per statement. */
const BATCH = 500;
const READ_BACKOFF = { first: 50, max: 2_000 };

export async function startRun<Table extends PgTable>(
  options: ChangeFeedOptions<Table>,
  emit: (change: ReadRow<Table>) => void,
): Promise<FeedRun<Table>> {
  const run = new FeedRun(options, emit);
  try {
    await run.start();
  } catch (error) {
    await run.stop();
    throw error;
  }
  return run;
}

/** Follows a table while it has subscribers. */
export class FeedRun<Table extends PgTable> {
  readonly #options: ChangeFeedOptions<Table>;
  readonly #emit: (change: ReadRow<Table>) => void;
  readonly #reader: ChangeReader<Table>;
  /** The name of each key column in the database. */
  readonly #keyNames: readonly string[];
  /** Keys to read, by their JSON. */
  readonly #waiting = new Map<string, Key>();
  #schema: string | undefined;
  /** Whether there may be changes without a notification. */
  #isBehind = false;
  #reading: Promise<void> | undefined;
  #failures = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #pollTimer: NodeJS.Timeout | undefined;
  #unlisten: (() => Promise<void>) | undefined;
  #isStopped = false;
  #hasReportedBadKey = false;

  constructor(options: ChangeFeedOptions<Table>, emit: (change: ReadRow<Table>) => void) {
    const { db, table, keyColumns, overlap = 5_000 } = options;
    this.#options = options;
    this.#emit = emit;
    const catalog = new TableCatalog(db, table);
    this.#reader = new ChangeReader({ db, table, keyColumns, catalog, overlap });
    this.#keyNames = keyColumns.map((column) => columnName(db, column));
  }

  async start(): Promise<void> {
    const { listener, pollInterval = listener === undefined ? 1_000 : 10_000 } = this.#options;
    this.#schema = await this.#reader.initialize();
    this.#unlisten = await listener?.listen(
      CHANNEL,
      (payload) => this.#onMessage(payload),
      () => this.#catchUp(),
    );
    this.#pollTimer = setInterval(() => this.#catchUp(), pollInterval);
    // Catch changes from before the listener was active.
    this.#catchUp();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#pollTimer);
    clearTimeout(this.#retryTimer);
    await this.#unlisten?.();
  }

  identify(key: readonly unknown[]): Promise<string> {
    return this.#reader.identify(key);
  }

  #onMessage(payload: string): void {
    const { table } = this.#options;
    const change = parsePayload(payload);
    if (change?.schema !== this.#schema || change?.table !== getTableName(table)) return;
    const key = this.#keyNames.flatMap((name) => change?.key?.[name] ?? []);
    if (key.length === this.#keyNames.length) this.#waiting.set(JSON.stringify(key), key);
    // The key was too long for a notification.
    else this.#isBehind = true;
    this.#startReading();
  }

  #catchUp(): void {
    this.#isBehind = true;
    this.#startReading();
  }

  #startReading(): void {
    if (this.#isStopped || this.#reading !== undefined || this.#retryTimer !== undefined) return;
    if (!this.#isBehind && this.#waiting.size === 0) return;
    this.#reading = this.#readAll().then(() => {
      this.#reading = undefined;
      this.#startReading();
    });
  }

  async #readAll(): Promise<void> {
    try {
      while (!this.#isStopped && (this.#isBehind || this.#waiting.size > 0)) {
        if (this.#isBehind) await this.#findChanged();
        await this.#readBatch();
      }
      this.#failures = 0;
    } catch (error) {
      if (!this.#isStopped) this.#retryLater(error);
    }
  }

  async #findChanged(): Promise<void> {
    this.#isBehind = false;
    try {
      for (const key of await this.#reader.findChanged()) this.#waiting.set(JSON.stringify(key), key);
    } catch (error) {
      this.#isBehind = true;
      throw error;
    }
  }

  async #readBatch(): Promise<void> {
    const batch = [...this.#waiting].slice(0, BATCH);
    if (batch.length === 0) return;
    // Before the read, so that rows that change meanwhile are read again.
    for (const [id] of batch) this.#waiting.delete(id);
    const left = new Map(batch);
    const read = async (some: readonly (readonly [string, Key])[]) => {
      const rows = await this.#reader.read(some.map(([, key]) => key));
      for (const [id] of some) left.delete(id);
      for (const row of rows) if (!this.#isStopped) this.#emit(row);
    };
    try {
      await isolateRefused(batch, read, ([id], error) => {
        left.delete(id);
        this.#reportBadKey(error);
      });
    } catch (error) {
      for (const [id, key] of left) this.#waiting.set(id, key);
      throw error;
    }
  }

  /** Any client may send notifications on this channel, so a key may be invalid. */
  #reportBadKey(cause: unknown): void {
    if (this.#hasReportedBadKey) return;
    this.#hasReportedBadKey = true;
    const message =
      `A notification on ${CHANNEL} names a row of ${getTableName(this.#options.table)} by a key that Postgres ` +
      `rejects: ${reasonOf(cause)} This notification and others like it are ignored. If the table's triggers sent it, ` +
      "attach them again with `migrate(db, { statusTables })`.";
    this.#options.onError?.(new QueueError("DATABASE_MISCONFIGURED", message, { cause }));
  }

  #retryLater(error: unknown): void {
    const pause = backoffDelay(READ_BACKOFF, ++this.#failures);
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#startReading();
    }, pause);
    if (this.#failures === 1) this.#options.onError?.(error);
  }
}

interface Payload {
  readonly schema: string;
  readonly table: string;
  readonly key?: Readonly<Record<string, string>>;
}

function parsePayload(payload: string): Payload | undefined {
  try {
    return JSON.parse(payload) as Payload;
  } catch {
    // Any client may send notifications.
    return undefined;
  }
}
