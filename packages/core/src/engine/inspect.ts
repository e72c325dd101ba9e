import type { Dependency, JobKey, JobRecord, RememberedEnding } from "./job.ts";
import type { JobState } from "./state-machine.ts";

/** Reads jobs back. */
export interface EngineInspect {
  /**
   * In the order of `jobs`; `null` where no job is stored: it never was, or is gone (see `remembered`). Subscribers of
   * this engine have been called for the ending of one that is gone by then.
   */
  get(jobs: readonly JobKey[]): Promise<readonly (JobRecord | null)[]>;

  /**
   * How jobs ended that are gone (trimmed, cleaned or removed), by their tombstones. In the order of `jobs`; `null`
   * where the job is stored, never was, or is forgotten.
   */
  remembered(jobs: readonly JobKey[]): Promise<readonly (RememberedEnding | null)[]>;

  list(request: ListRequest): Promise<JobPage>;

  /** What a job waits for and who waits for it, or `null` when it isn't stored. */
  edges(id: string): Promise<JobEdges | null>;
}

export interface ListRequest {
  /** All queues when absent. */
  readonly queue?: string;
  /** All states when absent. */
  readonly states?: readonly JobState[];
  readonly messageType?: string;
  readonly limit: number;
  /** From an earlier page. Opaque. */
  readonly cursor?: string;
}

/** Newest first by send order. `cursor` is absent on the last page; a page may be short before it. */
export interface JobPage {
  readonly jobs: readonly JobRecord[];
  readonly cursor?: string;
}

export interface JobEdges {
  readonly dependencies: readonly DependencyEdge[];
  /** Ids of the jobs that still wait for this one. The first hundred. */
  readonly dependents: readonly string[];
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
