import type { JobState } from "./state-machine.ts";

/** Looks at whole queues, and stops and starts them. */
export interface EngineQueues {
  /** Counts of every queue that has, or had, a job or a pause. Cost doesn't grow with the jobs. */
  counts(): Promise<readonly QueueCounts[]>;

  /** One bucket per queue, message and minute with activity, oldest first. */
  metrics(request: { readonly since: number }): Promise<readonly MetricsBucket[]>;

  /** A paused queue keeps accepting jobs and hands none out. */
  pause(queue: string): Promise<void>;

  resume(queue: string): Promise<void>;

  /** Deletes all that is kept of a queue beside its jobs. False, and nothing changes, while it has jobs. */
  forget(queue: string): Promise<boolean>;
}

export interface QueueCounts {
  readonly queue: string;
  readonly paused: boolean;
  /** Jobs stored now, by state. Finished jobs count until retention trims them. */
  readonly states: Readonly<Record<JobState, number>>;
  /**
   * Milliseconds since the longest waiting queued job could run; absent when none is queued. Among jobs that could not
   * run when they were sent, or were queued again since, an engine may look only at the one sent first.
   */
  readonly oldestWaiting?: number;
}

/**
 * Upper bounds, in milliseconds, of the histogram's buckets; a last bucket takes everything above. Chosen
 * to tell a fast handler from a slow one over six orders of magnitude in few numbers.
 */
export const HISTOGRAM_BOUNDS: readonly number[] = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000,
  3_600_000,
];

/** One message of one queue in one minute. */
export interface MetricsBucket {
  readonly queue: string;
  /**
   * Absent for the rest: an engine counts a bounded number of messages apart, and all counts of further ones together.
   */
  readonly message?: string;
  /** The minute's first instant. */
  readonly minute: number;
  readonly sent: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly retried: number;
  readonly stalled: number;
  /** From runnable to claimed. One count per bound of `HISTOGRAM_BOUNDS`, then the overflow. */
  readonly waiting: readonly number[];
  /** From claimed to settled, accepted outcomes only. */
  readonly running: readonly number[];
}
