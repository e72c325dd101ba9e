import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import { CallbackGuard } from "../../logging/callback-guard.ts";
import type { Database } from "../database.ts";
import type { ReadRow } from "./change-reader.ts";
import { type FeedRun, startRun } from "./feed-run.ts";
import type { ChangeListener } from "./listener.ts";

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
  /**
   * Called once when reading begins to fail (it goes on trying), once for notifications that name no row, and with
   * each subscriber's first error. Must not throw.
   * @default ignored
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

type Subscriber<Table extends PgTable> = (change: ReadRow<Table>) => void;

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
   * Calls `onChange` for each change that is committed from now on; with `key`, values in the order of the key columns,
   * only for those of that row. Answers what ends it.
   *
   * @throws {QueueError} `DATABASE_UNAVAILABLE`; `DATABASE_MISCONFIGURED`.
   */
  async subscribe(
    onChange: (change: ReadRow<Table>) => void,
    key?: readonly unknown[],
  ): Promise<() => Promise<void>> {
    let id: string | undefined;
    const subscriber: Subscriber<Table> = (change) => {
      // What an asynchronous listener returns is watched for its rejection.
      return key === undefined || change.id === id ? onChange(change) : undefined;
    };
    this.#subscribers.add(subscriber);
    this.#run ??= startRun(this.#options, (change) => this.#notify(change));
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
    try {
      if (key !== undefined) id = await (await run).identify(key);
    } catch (error) {
      await stop();
      throw error;
    }
    return stop;
  }

  #notify(change: ReadRow<Table>): void {
    for (const subscriber of this.#subscribers) this.#guard.call(subscriber, change);
  }
}
