import { getTableColumns, getTableName, type InferSelectModel } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import { CallbackGuard } from "../../logging/callback-guard.ts";
import type { Database } from "../database.ts";
import { ChangeReader, type Key } from "./change-reader.ts";
import type { ChangeListener } from "./listener.ts";

/** The channel of `queue_notify_change`, for every table of the database. */
const CHANNEL = "queue_changes";
/** Rows read by one statement. */
const BATCH = 500;
const SHORTEST_PAUSE = 50;
const LONGEST_PAUSE = 2_000;

export interface ChangeFeedOptions<Table extends PgTable> {
  readonly db: Database;
  /** Has a column `updated_at`, and the triggers of `statusTableSql`. */
  readonly table: Table;
  readonly keyColumns: readonly PgColumn[];
  /** @default none: changes are found by polling alone */
  readonly listener?: ChangeListener | undefined;
  /**
   * Milliseconds between two looks for changes that nobody told of.
   * @default 1_000, and 10_000 with a listener
   */
  readonly pollInterval?: number | undefined;
  /**
   * Milliseconds that the clocks of writers who set `updated_at` themselves may be behind that of Postgres. Of those
   * who are later, changes are told of by notifications only.
   * @default 5_000
   */
  readonly overlap?: number | undefined;
  /** Told once when reading begins to fail (it goes on trying), and of each subscriber's first error. Must not throw. @default ignored */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface Change<Table extends PgTable> {
  /** The values of the key columns as text, by their names in the Drizzle table. */
  readonly key: Readonly<Record<string, string>>;
  /** As it is now; `undefined` when it was deleted. */
  readonly row: InferSelectModel<Table> | undefined;
}

type Subscriber<Table extends PgTable> = (change: Change<Table>) => void;

/**
 * Tells subscribers of every changed row of a table, whoever wrote it. What came before is skipped when a row changes
 * faster than it can be read; its last state is always told. Deleted rows are told of by notifications only.
 */
export class ChangeFeed<Table extends PgTable> {
  readonly #options: ChangeFeedOptions<Table>;
  readonly #guard = new CallbackGuard((error) => this.#options.onError?.(error));
  readonly #subscribers = new Set<Subscriber<Table>>();
  /** One run lasts from the first subscriber to the last. */
  #run: Promise<FeedRun<Table>> | undefined;

  constructor(options: ChangeFeedOptions<Table>) {
    this.#options = options;
  }

  /**
   * Calls `onChange` for each change that is committed from now on; answers what ends it.
   *
   * @throws {QueueError} `DATABASE_UNAVAILABLE`; `DATABASE_MISCONFIGURED`.
   */
  async subscribe(onChange: (change: Change<Table>) => void): Promise<() => Promise<void>> {
    // The same function may subscribe twice.
    const subscriber: Subscriber<Table> = (change) => onChange(change);
    this.#subscribers.add(subscriber);
    this.#run ??= startRun(this.#options, (change) => this.#tell(change));
    const run = this.#run;
    const stop = async () => {
      if (!this.#subscribers.delete(subscriber) || this.#subscribers.size > 0) return;
      if (this.#run === run) this.#run = undefined;
      await (await run).stop();
    };
    try {
      await run;
    } catch (error) {
      this.#subscribers.delete(subscriber);
      if (this.#run === run) this.#run = undefined;
      throw error;
    }
    return stop;
  }

  #tell(change: Change<Table>): void {
    for (const subscriber of this.#subscribers) this.#guard.call(subscriber, change);
  }
}

async function startRun<Table extends PgTable>(
  options: ChangeFeedOptions<Table>,
  emit: (change: Change<Table>) => void,
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

class FeedRun<Table extends PgTable> {
  readonly #options: ChangeFeedOptions<Table>;
  readonly #emit: (change: Change<Table>) => void;
  readonly #reader: ChangeReader<Table>;
  /** The property of each key column. */
  readonly #keyNames: readonly string[];
  /** Keys to read, by their text. */
  readonly #waiting = new Map<string, Key>();
  #schema: string | undefined;
  /** Whether something may have changed that nobody told of. */
  #isBehind = false;
  #reading: Promise<void> | undefined;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #poll: NodeJS.Timeout | undefined;
  #unlisten: (() => Promise<void>) | undefined;
  #isStopped = false;

  constructor(options: ChangeFeedOptions<Table>, emit: (change: Change<Table>) => void) {
    const { db, table, keyColumns, overlap = 5_000 } = options;
    this.#options = options;
    this.#emit = emit;
    this.#reader = new ChangeReader(db, table, keyColumns, overlap);
    const properties = Object.entries(getTableColumns(table));
    this.#keyNames = keyColumns.map((key) => properties.find(([, column]) => column === key)![0]);
  }

  async start(): Promise<void> {
    const { listener, pollInterval = listener === undefined ? 1_000 : 10_000 } = this.#options;
    this.#schema = await this.#reader.begin();
    this.#unlisten = await listener?.listen(
      CHANNEL,
      (payload) => this.#onMessage(payload),
      () => this.#catchUp(),
    );
    this.#poll = setInterval(() => this.#catchUp(), pollInterval);
    // What changed before the listener was in force.
    this.#catchUp();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#poll);
    clearTimeout(this.#retry);
    await this.#unlisten?.();
  }

  #onMessage(payload: string): void {
    const { keyColumns, table } = this.#options;
    const change = parsePayload(payload);
    if (change?.schema !== this.#schema || change?.table !== getTableName(table)) return;
    const key = keyColumns.flatMap(({ name }) => change?.key?.[name] ?? []);
    if (key.length === keyColumns.length) this.#waiting.set(JSON.stringify(key), key);
    // It was too long for a notification.
    else this.#isBehind = true;
    this.#readOn();
  }

  #catchUp(): void {
    this.#isBehind = true;
    this.#readOn();
  }

  #readOn(): void {
    if (this.#isStopped || this.#reading !== undefined || this.#retry !== undefined) return;
    if (!this.#isBehind && this.#waiting.size === 0) return;
    this.#reading = this.#readAll().then(() => {
      this.#reading = undefined;
      this.#readOn();
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
      if (!this.#isStopped) this.#tryAgain(error);
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
    // First: those that change again meanwhile are read again.
    for (const [id] of batch) this.#waiting.delete(id);
    try {
      for (const { key, row } of await this.#reader.read(batch.map(([, key]) => key))) {
        const named = Object.fromEntries(this.#keyNames.map((name, at) => [name, key[at]!]));
        if (!this.#isStopped) this.#emit({ key: named, row });
      }
    } catch (error) {
      for (const [id, key] of batch) this.#waiting.set(id, key);
      throw error;
    }
  }

  #tryAgain(error: unknown): void {
    const pause = Math.min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** this.#failures++);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#readOn();
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
    // Anybody may notify.
    return undefined;
  }
}
