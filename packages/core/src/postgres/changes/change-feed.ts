import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import { CallbackGuard } from "../../logging/callback-guard.ts";
import type { Database } from "../database.ts";
import type { ReadRow } from "./change-reader.ts";
import { type FeedRun, startRun } from "./feed-run.ts";
import type { ChangeListener } from "./listener.ts";

export interface ChangeFeedOptions<Table extends PgTable> {
  readonly db: Database;
  /** Must have a column `updated_at` and the triggers of `statusTableSql`. */
  readonly table: Table;
  readonly keyColumns: readonly PgColumn[];
  /** @default none: polling finds the changes */
  readonly listener?: ChangeListener | undefined;
  /**
   * Milliseconds between two polls for changes that sent no notification.
   * @default 1_000, and 10_000 with a listener
   */
  readonly pollInterval?: number | undefined;
  /**
   * How far the clock of a writer that sets `updated_at` itself may be behind that of Postgres, in milliseconds. Beyond
   * that, polling misses its changes and only notifications report them.
   * @default 5_000
   */
  readonly overlap?: number | undefined;
  /**
   * Called once when reads begin to fail (the feed keeps trying), once for notifications with an unusable key, and with
   * the first error of each subscriber. Must not throw.
   * @default ignored
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

type Subscriber<Table extends PgTable> = (change: ReadRow<Table>) => void;

/**
 * Delivers every changed row of a table to its subscribers, whoever wrote it. If a row changes faster than it can be
 * read, intermediate states are skipped, never the last one. Deletions are seen through notifications only.
 */
export class ChangeFeed<Table extends PgTable> {
  readonly #options: ChangeFeedOptions<Table>;
  readonly #guard = new CallbackGuard((error) => this.#options.onError?.(error));
  readonly #subscribers = new Set<Subscriber<Table>>();
  /** Runs while there are subscribers. */
  #run: Promise<FeedRun<Table>> | undefined;

  constructor(options: ChangeFeedOptions<Table>) {
    this.#options = options;
  }

  /**
   * Calls `onChange` for each change committed from now on. With `key` (values in the order of the key columns), only
   * for changes of that row. Returns a function that unsubscribes.
   *
   * @throws {QueueError} `DATABASE_UNAVAILABLE`; `DATABASE_MISCONFIGURED`.
   */
  async subscribe(
    onChange: (change: ReadRow<Table>) => void,
    key?: readonly unknown[],
  ): Promise<() => Promise<void>> {
    let id: string | undefined;
    const subscriber: Subscriber<Table> = (change) => {
      // Returned, so that the guard sees the rejection of an asynchronous listener.
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
