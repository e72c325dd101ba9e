import type { Message } from "../../contract/message.ts";
import type { CancelOutcome, PromoteOutcome, RemoveOutcome, RetryOutcome } from "../../engine/operate.ts";
import type { JobReference } from "../job-reference.ts";
import type { QueueContext } from "../queue-context.ts";
import type {
  CancelOptions,
  CleanOptions,
  DrainOptions,
  ObliterateOptions,
  RemoveJobOptions,
} from "../queue-options.ts";
import type { JobFilterOptions } from "../read/job-filter.ts";
import { BulkOperations, type BulkStep } from "./bulk-operations.ts";
import type { BulkCancelOptions, BulkOptions, BulkRemoveOptions } from "./bulk-options.ts";
import { type JobOutcome, Operations } from "./operations.ts";
import { QueueControl } from "./queue-control.ts";

/** The methods of a queue that change jobs, one or many, and whole queues. */
export abstract class QueueOperator<M extends Message> {
  readonly #operations: Operations;
  readonly #bulk: BulkOperations;
  readonly #control: QueueControl;

  /** @internal */
  constructor(context: QueueContext) {
    this.#operations = new Operations(context);
    this.#bulk = new BulkOperations(context);
    this.#control = new QueueControl(context, this.#bulk);
  }

  /**
   * Cancels a job that hasn't ended. `"cancelled"`: at once, it wasn't running. `"cancelling"`: its handler
   * is told by its signal; it ends as `cancelled` if the handler then throws, `completed` if it returns.
   *
   * @throws {QueueError} `JOB_NOT_FOUND`, `INVALID_STATE` when it has ended.
   */
  cancel(job: JobReference, options?: CancelOptions): Promise<"cancelled" | "cancelling"> {
    return this.#operations.cancel(job, options);
  }

  /** Cancels up to 10,000 jobs and tells each one's outcome, in their order. */
  cancelMany(
    jobs: readonly JobReference[],
    options?: CancelOptions,
  ): Promise<readonly JobOutcome<CancelOutcome>[]> {
    return this.#operations.cancelMany(jobs, options);
  }

  /**
   * Runs a failed or cancelled job again, with all its attempts.
   *
   * @throws {QueueError} `JOB_NOT_FOUND`, `INVALID_STATE`.
   */
  retry(job: JobReference): Promise<void> {
    return this.#operations.retry(job);
  }

  /** Retries up to 10,000 jobs and tells each one's outcome. */
  retryMany(jobs: readonly JobReference[]): Promise<readonly JobOutcome<RetryOutcome>[]> {
    return this.#operations.retryMany(jobs);
  }

  /**
   * Deletes a job that isn't running. What waits for it is decided as if it had been cancelled. Its id stays used for a
   * day (the engine's `tombstones`): until then a send with it stores nothing, and `wait` answers how the job ended.
   *
   * @throws {QueueError} `JOB_NOT_FOUND`, `INVALID_STATE` while it runs, unless forced.
   */
  remove(job: JobReference, options?: RemoveJobOptions): Promise<void> {
    return this.#operations.remove(job, options);
  }

  /** Removes up to 10,000 jobs and tells each one's outcome. */
  removeMany(
    jobs: readonly JobReference[],
    options?: RemoveJobOptions,
  ): Promise<readonly JobOutcome<RemoveOutcome>[]> {
    return this.#operations.removeMany(jobs, options);
  }

  /**
   * Makes a scheduled job due now.
   *
   * @throws {QueueError} `JOB_NOT_FOUND`, `INVALID_STATE`.
   */
  promote(job: JobReference): Promise<void> {
    return this.#operations.promote(job);
  }

  /** Promotes up to 10,000 jobs and tells each one's outcome. */
  promoteMany(jobs: readonly JobReference[]): Promise<readonly JobOutcome<PromoteOutcome>[]> {
    return this.#operations.promoteMany(jobs);
  }

  /**
   * Retries the failed and cancelled jobs that a filter selects, from the newest to the oldest. Each call is one bounded
   * step: pass its `cursor` to the next. Each job is retried at most once, also if it fails again meanwhile, and jobs
   * sent after the first step aren't touched.
   *
   * @throws {QueueError} `INVALID_OPTIONS`, also for a filter without a condition or a cursor of another filter;
   * `UNKNOWN_MESSAGE`.
   *
   * @example
   * const filter = { state: "failed", message: planCreate } as const;
   * const { count, isExact } = await queue.count(filter);
   * let retried = 0;
   * let cursor: string | undefined;
   * do {
   *   const step = await queue.retryMatching(filter, { cursor });
   *   retried += step.changed;
   *   cursor = step.cursor;
   *   console.log(`${retried} of ${isExact ? "" : "at least "}${count}`);
   * } while (cursor !== undefined);
   */
  retryMatching(filter: JobFilterOptions<M>, options?: BulkOptions): Promise<BulkStep> {
    return this.#bulk.retry(filter, options);
  }

  /** Cancels the unfinished jobs that a filter selects, in steps, as `retryMatching` does. Active ones are told to stop. */
  cancelMatching(filter: JobFilterOptions<M>, options?: BulkCancelOptions): Promise<BulkStep> {
    return this.#bulk.cancel(filter, options);
  }

  /** Makes the scheduled jobs that a filter selects due now, in steps, as `retryMatching` does. */
  promoteMatching(filter: JobFilterOptions<M>, options?: BulkOptions): Promise<BulkStep> {
    return this.#bulk.promote(filter, options);
  }

  /** Deletes the jobs that a filter selects, in steps, as `retryMatching` does. Active ones only with `force`. */
  removeMatching(filter: JobFilterOptions<M>, options?: BulkRemoveOptions): Promise<BulkStep> {
    return this.#bulk.remove(filter, options);
  }

  /**
   * Stops a queue from handing out jobs. It goes on accepting them, and running ones finish. Workers that hold jobs
   * of it unrun give them back within 250 ms; until then some of those may still start.
   *
   * @throws {QueueError} `INVALID_OPTIONS` for a queue that no message belongs to.
   */
  pause(queue: string): Promise<void> {
    return this.#control.pause(queue);
  }

  /** Undoes `pause`. */
  resume(queue: string): Promise<void> {
    return this.#control.resume(queue);
  }

  /**
   * Removes jobs of one state, oldest first, and answers how many. Those that others depend on, or that hold their
   * ordering key, are kept.
   *
   * @example
   * while ((await queue.clean({ state: "completed", olderThan: "1d" })) > 0);
   */
  clean(options: CleanOptions): Promise<number> {
    return this.#control.clean(options);
  }

  /**
   * Removes all jobs of a queue that wait: queued and blocked ones, and with `scheduled` those that wait for a time.
   * Active ones go on, and jobs sent meanwhile stay. Works in bounded steps, and answers how many it has removed.
   *
   * @throws {QueueError} `INVALID_OPTIONS` for a queue that no message belongs to.
   *
   * @example
   * await queue.pause("workouts");
   * const removed = await queue.drain("workouts", { scheduled: true });
   */
  drain(queue: string, options?: DrainOptions): Promise<number> {
    return this.#control.drain(queue, options);
  }

  /**
   * Pauses a queue, then removes all of its jobs and all that the engine keeps of it: its metrics, its pause, its entry
   * in `stats`. Works in bounded steps, and answers how many jobs it has removed. The next send creates the queue anew.
   * Ids of its jobs stay used for a day, as with `remove`.
   *
   * @throws {QueueError} `INVALID_STATE` while jobs are active, unless forced, and while others keep sending;
   * `INVALID_OPTIONS` for a queue that no message belongs to.
   *
   * @example
   * await queue.obliterate("workouts", { force: true });
   */
  obliterate(queue: string, options?: ObliterateOptions): Promise<number> {
    return this.#control.obliterate(queue, options);
  }
}
