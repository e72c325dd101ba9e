import type { JobState } from "./state-machine.ts";

export interface QueueCounts {
  readonly queue: string;
  readonly paused: boolean;
  /** Jobs stored now, by state. Finished jobs count until retention trims them. */
  readonly states: Readonly<Record<JobState, number>>;
}

/**
 * Upper bounds, in milliseconds, of the histogram's buckets; a last bucket takes everything above. Chosen
 * to tell a fast handler from a slow one over six orders of magnitude in few numbers.
 */
export const HISTOGRAM_BOUNDS: readonly number[] = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000,
  3_600_000,
];

/** One queue in one minute. */
export interface MetricsBucket {
  readonly queue: string;
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

export interface HealthReport {
  readonly ok: boolean;
  readonly engine: string;
  /** Milliseconds that the check's own round trip took. */
  readonly latency: number;
  /** What is wrong and what to do, when `ok` is false. */
  readonly problem?: string;
  /** What was found damaged in the engine's storage in the last hour, the newest hundred. Absent when nothing was. */
  readonly damage?: readonly Damage[];
}

/** Something in an engine's storage that others deleted or overwrote, and what became of it. */
export interface Damage {
  readonly at: number;
  /**
   * `removed`: a job that can't be read, and counts as removed. `mended`: an entry that was put right. `moved`: a
   * structure of the wrong type, moved aside.
   */
  readonly kind: "removed" | "mended" | "moved";
  /** A job's id, or a structure's name. */
  readonly subject: string;
}
