import type { JobError, JobSummarySnapshot, QueueStats, StateCounts, WorkerSnapshot } from "@org/queue";
import type { RateHistory } from "./rate-history.ts";

/** Running jobs and failures that are shown at most. */
export const MAX_ROWS = 50;

/** What was read last. */
export interface TopModel {
  readonly at: Date;
  readonly queues: readonly QueueStats[];
  readonly states: StateCounts;
  readonly workers: readonly WorkerSnapshot[];
  /** The longest running first. */
  readonly running: readonly RunningJob[];
  /** The newest first. */
  readonly failures: readonly FailedJob[];
  readonly rates: Pick<RateHistory, "rate" | "ended" | "bars">;
  /** The server can't be read at present: what the model has is as of `at`. */
  readonly problem?: ReadProblem;
}

export interface ReadProblem {
  readonly since: Date;
  readonly text: string;
}

export interface RunningJob {
  readonly id: string;
  readonly since: Date;
  readonly worker: string;
  /** Absent until it is known. */
  readonly messageType?: string;
  readonly queue?: string;
}

export interface FailedJob {
  readonly id: string;
  readonly at: Date;
  readonly messageType: string;
  readonly queue: string;
  readonly error: string;
}

export function failedJob(job: JobSummarySnapshot): FailedJob {
  const { id, messageType, queue, finishedAt, createdAt, error } = job;
  return { id, messageType, queue, at: finishedAt ?? createdAt, error: errorText(error) };
}

/** Most errors are of handlers: their code says nothing. */
export function errorText(error: JobError | undefined): string {
  if (!error) return "";
  return error.code === "HANDLER_FAILED" ? error.message : `${error.code}: ${error.message}`;
}
