import type { FailureGroupPage, FailureGroupsRequest } from "./failure-groups.ts";
import type { Dependency, JobKey, JobRecord, JobSummary, RememberedEnding } from "./job.ts";
import type { JobFilter } from "./job-filter.ts";
import type { JobState } from "./state-machine.ts";

/** Reads jobs back. */
export interface EngineInspect {
  /**
   * In the order of `jobs`; `null` where no job is stored: it never was, or is gone (see `remembered`). Subscribers of
   * this engine have been called for the ending of one that is gone by then.
   */
  get(jobs: readonly JobKey[]): Promise<readonly (JobRecord | null)[]>;

  /** The same without what may be large. */
  getSummaries(jobs: readonly JobKey[]): Promise<readonly (JobSummary | null)[]>;

  /**
   * How jobs ended that are gone (trimmed, cleaned or removed), by their tombstones. In the order of `jobs`; `null`
   * where the job is stored, never was, or is forgotten.
   */
  remembered(jobs: readonly JobKey[]): Promise<readonly (RememberedEnding | null)[]>;

  /**
   * A page of the jobs that a filter selects, newest first by send order. A job that is stored from the first page to
   * the last is on one of them, if the filter selects it all that time, and on no second one, whatever its state becomes
   * meanwhile. Jobs that are sent meanwhile aren't listed.
   *
   * An engine that has no index for a filter looks at some ten thousand jobs per call, and answers what it has found.
   */
  list<F extends ListFields>(request: ListRequest<F>): Promise<JobPage<ListedJobs[F]>>;

  /** How many jobs a filter selects. Looks at as many as `list` does. */
  count(filter: JobFilter): Promise<JobCount>;

  /** What jobs depend on and what depends on them. In the order of `jobs`; `null` where no job is stored. */
  edges(jobs: readonly JobKey[], options?: EdgesOptions): Promise<readonly (JobEdges | null)[]>;

  /**
   * Failures that are alike, counted: the thousand groups that failed last, for two weeks after the latest
   * failure. A group that fails again comes to the front, also while somebody reads page after page.
   */
  failureGroups(request: FailureGroupsRequest): Promise<FailureGroupPage>;
}

/** How much of each job a list has. A summary leaves out what may be large. */
export type ListFields = keyof ListedJobs;

export interface ListedJobs {
  readonly summary: JobSummary;
  readonly full: JobRecord;
}

export interface ListRequest<F extends ListFields = ListFields> {
  /** @default all jobs */
  readonly filter?: JobFilter;
  readonly fields: F;
  readonly limit: number;
  /** From the page before, of the same filter. Opaque. */
  readonly cursor?: string;
}

export interface JobPage<Job extends JobSummary | JobRecord = JobRecord> {
  readonly jobs: readonly Job[];
  /** Absent on the last page. */
  readonly cursor?: string;
  /** False if the engine stopped before the page was full, and may find more with `cursor`. */
  readonly complete: boolean;
}

export interface EdgesOptions {
  /** Max dependents of each job. @default 100 */
  readonly limit?: number;
}

export interface JobCount {
  readonly count: number;
  /** False if there may be more: the engine stopped before it had looked at all jobs. */
  readonly isExact: boolean;
}

export interface JobEdges {
  readonly dependencies: readonly DependencyEdge[];
  /**
   * Those that wait for this job first, in the order in which they began to, then others that haven't ended, then those
   * that have, the latest first. Of these, the newest hundred are known whose message's retention kept them, and those
   * are named that are still stored.
   */
  readonly dependents: readonly DependentEdge[];
  /** Dependents that haven't ended, and all that have ended and were kept, named or not. */
  readonly dependentCount: number;
  /** The job ahead with the same ordering key, when that is what this one waits for. */
  readonly behind?: string;
}

export interface DependencyEdge extends Dependency {
  /** The state of the job depended on; `null` once even its tombstone is gone. */
  readonly state: JobState | null;
  /** Whether this edge still blocks. */
  readonly pending: boolean;
  /**
   * The job depended on has ended, and this one of its many dependents is left to a later step, which decides it as
   * `onFailure` says. @default false
   */
  readonly undecided?: true;
}

/** The same edge, seen from the job depended on: `job` is the dependent, and `state` its own. */
export interface DependentEdge extends DependencyEdge {
  readonly state: JobState;
}
