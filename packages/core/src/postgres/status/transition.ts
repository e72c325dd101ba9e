import type { Status } from "./table.ts";

/** What happened to a job, as far as its subject's row tells it. */
export interface Transition {
  readonly status: Status;
  /** The claim that it happened under; 0 before the first. */
  readonly epoch: number;
  readonly errorMessage?: string | undefined;
  /** When the attempt began. Absent: as the row has it. */
  readonly startedAt?: Date | undefined;
  readonly finishedAt?: Date | undefined;
}

/** A transition of a job whose subject is known: it makes the row if there is none. */
export interface SubjectWrite extends Transition {
  readonly key: Readonly<Record<string, unknown>>;
  readonly jobId: string;
  /** When its producer sent it. Of two jobs the one sent later has the row. */
  readonly sentAt: Date;
  /** The app's fields to set along with it. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A transition of a job of which only the id is known: it changes the row that has the job, if one does. */
export interface JobWrite extends Transition {
  readonly jobId: string;
}

/**
 * Where in an epoch a status belongs: an attempt runs, then waits to be run again or has ended. With the epoch
 * before it, this orders all that ever happens to a job: each claim and each operator's retry has a new epoch.
 */
export const RANKS: Readonly<Record<Status, number>> = {
  RUNNING: 0,
  PENDING: 1,
  SUCCEEDED: 2,
  FAILED: 2,
  CANCELLED: 2,
};

/** Below 0 when `a` happened before `b`, for two transitions of one job. */
export function compareSteps(
  a: Pick<Transition, "epoch" | "status">,
  b: Pick<Transition, "epoch" | "status">,
): number {
  return a.epoch - b.epoch || RANKS[a.status] - RANKS[b.status];
}

/** Below 0 when job `a` is older than job `b`. Ids are compared as Postgres does in its C collation. */
export function compareAges(a: SubjectWrite, b: SubjectWrite): number {
  return (
    a.sentAt.getTime() - b.sentAt.getTime() || Buffer.compare(Buffer.from(a.jobId), Buffer.from(b.jobId))
  );
}

/** Two writes of one job as the one that leaves the row as both would, one after the other. */
export function mergeWrites(earlier: SubjectWrite, later: SubjectWrite): SubjectWrite {
  // What the fence would refuse is left out here too.
  if (compareSteps(later, earlier) < 0) return earlier;
  return {
    ...later,
    startedAt: later.startedAt ?? earlier.startedAt,
    fields: { ...earlier.fields, ...later.fields },
  };
}
