import { sql } from "drizzle-orm";
import * as z from "zod/mini";
import type { Duration } from "../../contract/duration.ts";
import { duration, parseOptions } from "../../contract/options.ts";
import { type Database, queryRows, withTypedErrors } from "../database.ts";
import { DEFAULT_SCHEMA, readDatabase, schemaName } from "../options.ts";
import { inTransaction, type TransactionOf } from "../transaction.ts";

/** The part of a handler's context that identifies the job. */
export interface InboxContext {
  readonly job: { readonly id: string; readonly messageType: string };
}

export interface OnceOptions {
  /**
   * Name of the consumer, 1 to 256 characters. Effects run once per job and consumer.
   * @default the message's name
   */
  readonly consumer?: string | undefined;
  /** The schema that you passed to `migrate`. @default "queue" */
  readonly schema?: string | undefined;
}

/** `done: false`: the effects ran before, in an earlier attempt or in another worker. */
export type OnceOutcome<T> = { readonly done: true; readonly value: T } | { readonly done: false };

const onceSchema = z.strictObject({
  consumer: z.optional(z.string().check(z.minLength(1), z.maxLength(256))),
  schema: z._default(schemaName(), DEFAULT_SCHEMA),
});

/**
 * Runs a handler's effects once per job, however often the job is delivered. The effects share a transaction with a row
 * that records them. If `effects` throws, nothing is stored and the next attempt runs them again. If another attempt's
 * transaction is still open, this one waits for it to end.
 *
 * Only writes through `tx` are covered. Everything else may happen again.
 *
 * @throws {QueueError} `INVALID_OPTIONS`, also for a database on a single connection, where transactions of concurrent
 * handlers would mix; `DATABASE_UNAVAILABLE`, `DATABASE_MISCONFIGURED`; and whatever `effects` throws.
 *
 * @example
 * worker.handle(orderPaid, (context) =>
 *   once(db, context, async (tx) => {
 *     await tx.insert(invoices).values({ orderId: context.data.orderId });
 *   }),
 * );
 */
export async function once<DB extends Database, T>(
  db: DB,
  context: InboxContext,
  effects: (tx: TransactionOf<DB>) => Promise<T>,
  options: OnceOptions = {},
): Promise<OnceOutcome<T>> {
  const { job } = context;
  const database = readDatabase("once", db, "pool");
  const { schema, consumer = job.messageType } = parseOptions("once", onceSchema, options);
  return withTypedErrors("The inbox", () =>
    inTransaction(database, async (tx): Promise<OnceOutcome<T>> => {
      const written = await queryRows(
        tx,
        sql`insert into ${sql.identifier(schema)}.queue_inbox (consumer, job_id) values (${consumer}, ${job.id})
          on conflict do nothing returning job_id`,
      );
      if (written.length === 0) return { done: false };
      return { done: true, value: await effects(tx) };
    }),
  );
}

export interface CleanInboxOptions {
  /** Minimum age of the rows to remove. */
  readonly olderThan: Duration;
  /** The schema that you passed to `migrate`. @default "queue" */
  readonly schema?: string | undefined;
}

const cleanSchema = z.strictObject({
  olderThan: duration(),
  schema: z._default(schemaName(), DEFAULT_SCHEMA),
});

/** Maximum number of rows per statement, so that none takes long. */
const DELETE_BATCH = 10_000;

/**
 * Removes the rows of jobs that were handled long ago, and returns how many. Keep rows for as long as a job may be
 * delivered again: longer than its retries take, and longer than operators retry finished jobs by hand.
 *
 * @throws {QueueError} `INVALID_OPTIONS`, `DATABASE_UNAVAILABLE`, `DATABASE_MISCONFIGURED`.
 *
 * @example
 * await cleanInbox(db, { olderThan: "30d" });
 */
export async function cleanInbox(db: Database, options: CleanInboxOptions): Promise<number> {
  const { olderThan, schema } = parseOptions("cleanInbox", cleanSchema, options);
  const database = readDatabase("cleanInbox", db, "any");
  const inbox = sql`${sql.identifier(schema)}.queue_inbox`;
  let cleaned = 0;
  for (;;) {
    const removed = await withTypedErrors("cleanInbox", () =>
      queryRows<{ count: number }>(
        database,
        sql`with old as (
            select consumer, job_id from ${inbox}
            where handled_at <= clock_timestamp() - ${olderThan}::float8 * interval '1 millisecond'
            order by handled_at limit ${DELETE_BATCH}::int for update skip locked
          ), removed as (
            delete from ${inbox} using old
            where queue_inbox.consumer = old.consumer and queue_inbox.job_id = old.job_id
            returning 1
          )
          select count(*)::int as count from removed`,
      ),
    );
    const { count } = removed[0]!;
    cleaned += count;
    if (count < DELETE_BATCH) return cleaned;
  }
}
