import type { Status } from "./table.ts";

/** A transition of a job, as written to its subject's row. */
export interface Transition {
  readonly status: Status;
  /** The epoch of the claim that it happened under, 0 before the first. */
  readonly epoch: number;
  readonly errorMessage?: string | undefined;
  /** When the attempt started. If absent, the row keeps its value. */
  readonly startedAt?: Date | undefined;
  readonly finishedAt?: Date | undefined;
}

/** A transition of a job whose subject is known. Creates the row if there is none. */
export interface SubjectWrite extends Transition {
  readonly key: Readonly<Record<string, unknown>>;
  readonly jobId: string;
  /** When the job was sent. Of two jobs, the one sent later owns the row. */
  readonly sentAt: Date;
  /** The app's fields to set in the same write. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A transition of a job of which only the id is known. Changes the row that belongs to the job, if there is one. */
export interface JobWrite extends Transition {
  readonly jobId: string;
}

/**
 * The order of statuses within an epoch: an attempt runs, then waits for a retry or ends. Epoch and rank together order
 * all transitions of a job, because each claim and each operator's retry starts a new epoch.
 */
export const RANKS: Readonly<Record<Status, number>> = {
  RUNNING: 0,
  PENDING: 1,
  SUCCEEDED: 2,
  FAILED: 2,
  CANCELLED: 2,
};

/** Negative if `a` happened before `b`, for two transitions of one job. */
export function compareSteps(
  a: Pick<Transition, "epoch" | "status">,
  b: Pick<Transition, "epoch" | "status">,
): number {
  return a.epoch - b.epoch || RANKS[a.status] - RANKS[b.status];
}

/** Negative if job `a` is older than job `b`. Compares ids like Postgres in its C collation. */
export function compareAges(a: SubjectWrite, b: SubjectWrite): number {
  return (
    a.sentAt.getTime() - b.sentAt.getTime() || Buffer.compare(Buffer.from(a.jobId), Buffer.from(b.jobId))
  );
}

/** Merges two writes of one job into one that has the same effect as both in order. */
export function mergeWrites(earlier: SubjectWrite, later: SubjectWrite): SubjectWrite {
  // The fence would skip the second write too.
  if (compareSteps(later, earlier) < 0) return earlier;
  return {
    ...later,
    startedAt: later.startedAt ?? earlier.startedAt,
    fields: { ...earlier.fields, ...later.fields },
  };
}
