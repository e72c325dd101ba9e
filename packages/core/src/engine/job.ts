import type { WireEnvelope } from "../contract/envelope.ts";
import type { Retention } from "../contract/retention.ts";
import type { JobState, TerminalState } from "./state-machine.ts";

export type { WireEnvelope } from "../contract/envelope.ts";
export type { Retention, RetentionBound } from "../contract/retention.ts";

/** What happens to a dependent when the job it waits for fails or is cancelled. */
export type DependencyFailurePolicy = "cancel" | "run" | "hold";

export interface Dependency {
  readonly job: string;
  readonly onFailure: DependencyFailurePolicy;
}

/** Ids match `ID_PATTERN`, queues and messages `NAME_PATTERN`: the queue sees to it. Keys are any text. */
export interface NewJob {
  readonly envelope: WireEnvelope;
  readonly queue: string;
  /** 0 (most urgent) to 1000. */
  readonly priority: number;
  /** Milliseconds until it may run. `0`: at once. */
  readonly delay: number;
  readonly maxAttempts: number;
  /** Lost leases after which the job fails as `STALLED`. At least 1. */
  readonly maxStalls: number;
  readonly retain: Retention;
  readonly dependsOn: readonly Dependency[];
  readonly ordering?: { readonly key: string; readonly onFailure: "continue" | "hold" };
  /**
   * The key stands for this job while it is unfinished or, until `window` milliseconds after it was stored, completed
   * (also once retention has removed it). Failure, cancellation, `remove` and `clean` free it; a reopened job takes it
   * back if it is free.
   */
  readonly dedupe?: { readonly key: string; readonly window: number };
  /**
   * The searchable fields that the job's message declares, with opaque texts by which lists find the job; `null` where
   * it has none. Absent if the message declares none.
   */
  readonly search?: Readonly<Record<string, string | null>>;
  /**
   * Whether the queue has generated the id for this call, so that no job can have had it before. An engine may then
   * look for fewer traces of one.
   */
  readonly hasNewId?: true;
}

/** Which job. `queue` is there where the caller knows it, for engines whose ids are unique per queue only. */
export interface JobKey {
  readonly id: string;
  readonly queue?: string;
}

/** Everything an engine remembers of one job. */
export interface JobRecord {
  readonly id: string;
  readonly envelope: WireEnvelope;
  readonly queue: string;
  readonly state: JobState;
  readonly priority: number;
  readonly epoch: number;
  /** Attempts begun and counted, the running one included. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly stalls: number;
  readonly bounces: number;
  readonly orderingKey?: string;
  readonly dependsOn: readonly Dependency[];
  readonly cancelRequested: boolean;
  readonly createdAt: number;
  /** When a `scheduled` job becomes due. */
  readonly runAt?: number;
  /** When the latest attempt began. Absent once that was released, or the job is retried: no attempt counts. */
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly result?: string;
  /** The error that ended the job, or of its latest failed attempt. */
  readonly error?: string;
  /** Earlier attempts that failed or stalled, oldest first, the newest ten. */
  readonly failures: readonly AttemptFailure[];
  readonly progress?: string;
  /** The newest hundred. */
  readonly logs: readonly LogEntry[];
}

/** A job without its data, result and progress, and what its attempts left. */
export interface JobSummary {
  readonly id: string;
  readonly messageType: string;
  readonly version: number;
  readonly userId?: string;
  readonly queue: string;
  readonly state: JobState;
  readonly priority: number;
  readonly epoch: number;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly stalls: number;
  readonly orderingKey?: string;
  readonly cancelRequested: boolean;
  /** As its envelope has it. */
  readonly timestamp: string;
  readonly createdAt: number;
  readonly runAt?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly error?: string;
}

export interface AttemptFailure {
  readonly epoch: number;
  readonly startedAt: number;
  readonly at: number;
  readonly error: string;
}

export interface LogEntry {
  readonly at: number;
  /** Well-formed Unicode, as errors and reasons are. */
  readonly message: string;
}

/** What a tombstone says. A job that was removed unfinished counts as cancelled. */
export interface RememberedEnding {
  readonly state: TerminalState;
  readonly messageType: string;
}
