import * as z from "zod/mini";
import type { Duration } from "../contract/duration.ts";
import { isWellFormed, NAME_PATTERN, NOT_WELL_FORMED } from "../contract/names.ts";
import { duration } from "../contract/options.ts";
import { type Logger, loggerOption } from "../logging/logger.ts";

/** Options of `createWorker`. */
export interface WorkerOptions {
  /** What `queue.workers()` calls this worker, up to 256 characters. @default host and process: "web-1:4711" */
  readonly name?: string | undefined;
  /** Handlers that run at the same time, 1 to 10,000. @default 10 */
  readonly concurrency?: number | undefined;
  /**
   * How long the worker holds a job without renewing its lease, which it does every third of this time. With a shorter
   * lease, a dead worker's jobs run again sooner; a longer one tolerates a blocked event loop. "1s" to "1h".
   * @default "30s"
   */
  readonly lease?: Duration | undefined;
  /**
   * The queues to serve, in turn. They may include a queue that no message belongs to any more, for jobs that were sent
   * before the message moved.
   * @default the queues of the messages that have handlers
   */
  readonly queues?: readonly string[] | undefined;
  /**
   * Maximum number of jobs to hold ready beyond the running ones, 0 to 10,000. The actual number depends on the
   * duration of handlers: about 20 ms of work, and none for slow handlers. @default 1_000
   */
  readonly prefetch?: number | undefined;
  /**
   * How often an idle worker claims without a wake-up, in case one was lost.
   * "50ms" to "1m". @default "5s"
   */
  readonly pollInterval?: Duration | undefined;
  /**
   * The shortest time between two turns of maintenance: expired leases, due jobs, retention. An idle worker does it when
   * something is due, one that has jobs at this interval. So a dead worker's jobs wait for the end of their lease, and
   * then for this time at most. "50ms" to "10s". @default "1.8s"
   */
  readonly maintenanceInterval?: Duration | undefined;
  /** Whether this worker also moves jobs from the queue's outbox, if it has one, to the engine. @default true */
  readonly relay?: boolean | undefined;
  /** Where the worker logs its own failures: once for each, not for every retry. @default the queue's logger */
  readonly logger?: Logger | undefined;
}

/** What a stopped worker leaves behind. */
export interface StopReport {
  /** Ids of jobs whose ends the engine hasn't confirmed, because it was away. They run again once their leases are over. */
  readonly unsettled: readonly string[];
}

/** Options of `stop`. */
export interface StopOptions {
  /**
   * Time for running handlers to finish before their signals abort. They have a second more to stop, before their jobs
   * are given back whether they have or not. @default "30s"
   */
  readonly timeout?: Duration | undefined;
}

const interval = (standard: number, max: number) => z._default(duration({ min: 50, max }), standard);

export const workerOptionsSchema = z.strictObject({
  name: z.optional(
    z.string().check(z.minLength(1), z.maxLength(256), z.refine(isWellFormed, { error: NOT_WELL_FORMED })),
  ),
  concurrency: z._default(z.int().check(z.minimum(1), z.maximum(10_000)), 10),
  lease: z._default(duration({ min: 1_000, max: 3_600_000 }), 30_000),
  queues: z.optional(
    z.array(z.string().check(z.regex(NAME_PATTERN))).check(z.minLength(1), z.maxLength(1_000)),
  ),
  prefetch: z._default(z.int().check(z.minimum(0), z.maximum(10_000)), 1_000),
  pollInterval: interval(5_000, 60_000),
  // Recovers a job at most two seconds after the end of its lease. A longer interval would delay the worker's beats.
  maintenanceInterval: interval(1_800, 10_000),
  relay: z._default(z.boolean(), true),
  logger: z.optional(loggerOption()),
});

export const stopSchema = z.strictObject({ timeout: z._default(duration(), 30_000) });

export type ResolvedWorkerOptions = z.output<typeof workerOptionsSchema>;
