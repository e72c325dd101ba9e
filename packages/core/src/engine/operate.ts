import type { Unsubscribe } from "./events.ts";
import type { ForgetGroupOutcome } from "./failure-groups.ts";
import type { JobKey } from "./job.ts";
import type { JobState } from "./state-machine.ts";

/** Changes jobs from outside of their attempts. */
export interface EngineOperate {
  cancel(jobs: readonly JobKey[], reason: string, guard?: StateGuard): Promise<readonly CancelOutcome[]>;

  /**
   * Reopens failed and cancelled jobs with fresh attempts and a new epoch. Inside an ordering key a turn that
   * is given isn't taken back, and reserved jobs' turns are given: a reopened one comes after them.
   */
  retry(jobs: readonly JobKey[], guard?: StateGuard): Promise<readonly RetryOutcome[]>;

  /** Deletes jobs that aren't active or reserved. What waits for one is decided as if it had been cancelled. */
  remove(jobs: readonly JobKey[], options?: RemoveOptions): Promise<readonly RemoveOutcome[]>;

  /** Makes scheduled jobs due now. */
  promote(jobs: readonly JobKey[], guard?: StateGuard): Promise<readonly PromoteOutcome[]>;

  /**
   * Removes up to `limit` jobs of one state, oldest first. Answers how many. Spares those that a claim holds, that
   * unfinished jobs depend on, and finished ones that hold their ordering key: no other job is cancelled by it.
   */
  clean(request: CleanRequest): Promise<number>;

  /** Forgets what was counted of failure groups. Their jobs stay as they are. */
  forgetFailureGroups(fingerprints: readonly string[]): Promise<readonly ForgetGroupOutcome[]>;

  /**
   * Calls `listener` at once when a job that this engine's claims hold is told to stop, by whatever process. An
   * engine that can't push leaves it out: heartbeats tell all the same. Calls may be lost, and may come twice.
   */
  onCancelRequest?(listener: CancelListener): Promise<Unsubscribe>;
}

/** So that an operation on listed jobs touches none that has changed since. */
export interface StateGuard {
  /** Leave jobs as they are that aren't in one of these states by now. @default all states */
  readonly states?: readonly JobState[];
}

export interface RemoveOptions extends StateGuard {
  /**
   * Delete active and reserved jobs too. Their claims are void: what their workers report is stale. @default false
   */
  readonly force?: boolean;
}

/** Of a job that a guard has left as it is. */
export type GuardedOutcome = "other-state";

export type CancelListener = (ids: readonly string[], reason: string) => void;

/** `cancelling`: active or reserved, its worker will be told. `finished`: already in a terminal state. */
export type CancelOutcome = "cancelled" | "cancelling" | "finished" | "unknown" | GuardedOutcome;

/** `not-failed`: only failed and cancelled jobs can be retried. */
export type RetryOutcome = "retried" | "not-failed" | "unknown" | GuardedOutcome;

/** `active`: in a worker's hands, be it active or reserved. */
export type RemoveOutcome = "removed" | "active" | "unknown" | GuardedOutcome;

export type PromoteOutcome = "promoted" | "not-scheduled" | "unknown" | GuardedOutcome;

export interface CleanRequest {
  readonly state: Exclude<JobState, "active">;
  readonly queue?: string;
  /** Only jobs that ended at least this many milliseconds ago; in a state that is no ending: that were stored. */
  readonly olderThan: number;
  readonly limit: number;
}
