import * as z from "zod/mini";
import type { Duration } from "../contract/duration.ts";
import { NAME_PATTERN } from "../contract/names.ts";
import { duration } from "../contract/options.ts";
import { type Logger, loggerOption } from "../logging/logger.ts";

/** What `createWorker` takes. */
export interface WorkerOptions {
  /** Handlers that run at the same time, 1 to 10,000. @default 10 */
  readonly concurrency?: number | undefined;
  /**
   * How long a job stays this worker's without a sign of life; renewed every third of it. Shorter: a dead
   * worker's jobs run again sooner. Longer: a blocked event loop is forgiven. "1s" to "1h". @default "30s"
   */
  readonly lease?: Duration | undefined;
  /**
   * The queues to serve, each in its turn. Also one that no message belongs to any more, for the jobs that were sent
   * before the message moved.
   * @default the queues of the messages that have handlers
   */
  readonly queues?: readonly string[] | undefined;
  /**
   * Most jobs to hold ready beyond the running ones, 0 to 10,000. How many it really is follows the
   * handlers' durations: some 20 ms of work, none for slow handlers. @default 1_000
   */
  readonly prefetch?: number | undefined;
  /**
   * How often an idle worker looks for work although nothing woke it, in case a wake-up was lost.
   * "50ms" to "1m". @default "5s"
   */
  readonly pollInterval?: Duration | undefined;
  /**
   * How often this worker takes its turn at maintenance: expired leases, due jobs, retention. A dead worker's jobs
   * wait for their lease to end, and then for some worker's next turn. "50ms" to "1m". @default "1.8s"
   */
  readonly maintenanceInterval?: Duration | undefined;
  /** Whether this worker also moves what was sent in transactions to the engine, if the queue has an outbox. @default true */
  readonly relay?: boolean | undefined;
  /** Where the worker logs failures of its own: each once when it begins, not with each retry. @default the queue's */
  readonly logger?: Logger | undefined;
}

/** What `stop` takes. */
export interface StopOptions {
  /** Time that running handlers get to finish before their signals abort. @default "30s" */
  readonly timeout?: Duration | undefined;
}

const interval = (standard: number) => z._default(duration({ min: 50, max: 60_000 }), standard);

export const workerOptionsSchema = z.strictObject({
  concurrency: z._default(z.int().check(z.minimum(1), z.maximum(10_000)), 10),
  lease: z._default(duration({ min: 1_000, max: 3_600_000 }), 30_000),
  queues: z.optional(
    z.array(z.string().check(z.regex(NAME_PATTERN))).check(z.minLength(1), z.maxLength(1_000)),
  ),
  prefetch: z._default(z.int().check(z.minimum(0), z.maximum(10_000)), 1_000),
  pollInterval: interval(5_000),
  // Two seconds after a lease's end at the latest, and with the poll still under one command a second.
  maintenanceInterval: interval(1_800),
  relay: z._default(z.boolean(), true),
  logger: z.optional(loggerOption()),
});

export const stopSchema = z.strictObject({ timeout: z._default(duration(), 30_000) });

export type ResolvedWorkerOptions = z.output<typeof workerOptionsSchema>;
