import { is } from "drizzle-orm";
import { PgDatabase, PgTransaction } from "drizzle-orm/pg-core";
import * as z from "zod/mini";
import type { Duration } from "../../contract/duration.ts";
import { duration, parseOptions } from "../../contract/options.ts";
import type { Engine } from "../../engine/engine.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { consoleLogger, type Logger, safeLogger } from "../../logging/logger.ts";
import type { Service } from "../../middleware/middleware.ts";
import type { Outbox, OutboxBacklog } from "../../queue/send/outbox.ts";
import type { ChangeListener } from "../changes/listener.ts";
import { type Database, withTypedErrors } from "../database.ts";
import { changeListener, DEFAULT_SCHEMA, database, schemaName } from "../options.ts";
import { assertSafeCommits } from "../pooled-connection.ts";
import { OutboxTable } from "./outbox-table.ts";
import { Relay } from "./relay.ts";
import type { OutboxProblem } from "./relay-reporter.ts";

export interface PostgresOutboxOptions {
  /**
   * The database that the relay reads, with one connection at a time: a pool, or PGlite. Sends use the transaction that
   * they pass, on any connection to the same database.
   */
  readonly db: Database;
  /** The schema that you passed to `migrate`. @default "queue" */
  readonly schema?: string | undefined;
  /** Wakes the relay as soon as a transaction commits. Without it the relay polls every `pollInterval`. */
  readonly listener?: ChangeListener | undefined;
  /** How often an idle relay polls. "10ms" to "1m". @default "1s" */
  readonly pollInterval?: Duration | undefined;
  /** Maximum number of jobs that the relay moves in one transaction, 1 to 5,000. @default 500 */
  readonly batch?: number | undefined;
  /**
   * Called for a job that the engine keeps refusing: after about six seconds, then every minute. The relay logs the
   * same. Errors of this callback, thrown or rejected, are logged once and otherwise ignored.
   */
  readonly onProblem?: ((problem: OutboxProblem) => void) | undefined;
}

/** An outbox in Postgres, created by `postgresOutbox`. */
export interface PostgresOutbox extends Outbox {
  start(host: RelayHost): Promise<Service>;
  /** Counts jobs that the engine refuses too. */
  backlog(): Promise<OutboxBacklog>;
}

/** The engine that a relay moves jobs to, and the logger for its failures. */
export interface RelayHost {
  readonly engine: Engine;
  readonly logger: Logger;
}

const optionsSchema = z.strictObject({
  db: database(),
  schema: z._default(schemaName(), DEFAULT_SCHEMA),
  listener: z.optional(changeListener()),
  pollInterval: z._default(duration({ min: 10, max: 60_000 }), 1_000),
  batch: z._default(z.int().check(z.minimum(1), z.maximum(5_000)), 500),
  onProblem: z.optional(
    z.custom<(problem: OutboxProblem) => void>((value) => typeof value === "function", "expected a function"),
  ),
});

/**
 * An outbox for `createQueue({ outbox })`. `send(…, { tx })` stores the job in that transaction, and it reaches the
 * engine if and only if the transaction commits. Every worker of the queue runs a relay that moves jobs; `startRelay`
 * runs one on its own. Any number may run.
 *
 * @throws {QueueError} `INVALID_OPTIONS`.
 *
 * @example
 * const db = drizzle(pool);
 * const listener = pgListener({ connect: () => new pg.Client(process.env.DATABASE_URL) });
 * const queue = createQueue({ registry, engine, outbox: postgresOutbox({ db, listener }) });
 *
 * await db.transaction(async (tx) => {
 *   await tx.insert(plans).values(plan);
 *   await queue.send(planCreate, { planId: plan.id }, { tx });
 * });
 */
export function postgresOutbox(options: PostgresOutboxOptions): PostgresOutbox {
  const { db, schema, ...rest } = parseOptions("postgresOutbox", optionsSchema, options);
  const table = new OutboxTable(schema);
  return {
    async add(tx, jobs) {
      assertTransaction(tx);
      if (jobs.length === 0) return;
      await withTypedErrors("The outbox", async () => {
        await assertSafeCommits(tx);
        await table.insert(tx, jobs);
      });
    },
    async start({ engine, logger }) {
      const { listener, onProblem, pollInterval, batch } = rest;
      const relay = new Relay({
        db,
        schema,
        table,
        engine,
        logger,
        listener,
        onProblem,
        pollInterval,
        batch,
      });
      relay.start();
      return relay;
    },
    backlog: () => withTypedErrors("The outbox", () => table.backlog(db)),
  };
}

export interface StartRelayOptions {
  readonly outbox: PostgresOutbox;
  readonly engine: Engine;
  /** @default console */
  readonly logger?: Logger | undefined;
}

/**
 * Runs a relay in a process without workers. It survives failures of Postgres and of the engine, and runs until you
 * call `stop()`, which finishes the current turn.
 *
 * @example
 * const relay = await startRelay({ outbox, engine: redisEngine({ url }) });
 * process.once("SIGTERM", () => relay.stop());
 */
export function startRelay({ outbox, engine, logger = consoleLogger }: StartRelayOptions): Promise<Service> {
  return outbox.start({ engine, logger: safeLogger(logger) });
}

/** Drizzle's `is` works across copies of the package. */
function assertTransaction(tx: unknown): asserts tx is Database {
  if (is(tx, PgTransaction)) return;
  const what = is(tx, PgDatabase) ? "the database itself" : "something else";
  throw new QueueError(
    "INVALID_OPTIONS",
    `\`tx\` must be a Drizzle transaction on Postgres, but is ${what}. ` +
      "Send inside `db.transaction(async (tx) => …)` and pass its `tx`.",
    { issues: [{ path: "tx", message: `expected a transaction, got ${what}` }] },
  );
}
