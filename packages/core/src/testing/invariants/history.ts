import type { AttemptOutcome, EnqueuedJob, Lease } from "../../engine/core.ts";
import type { EngineEvent } from "../../engine/events.ts";
import type { JobEdges } from "../../engine/inspect.ts";
import type { JobRecord, NewJob } from "../../engine/job.ts";
import type { QueueCounts } from "../../engine/queues.ts";

/**
 * An entry of a history: a call to an engine, its result, or an observation, as plain JSON. Each process writes its
 * entries to a file, and `mergeHistories` merges them.
 *
 * Entries of one process are in order. Between processes no order is assumed, except that events are in the engine's
 * order if one subscriber recorded them all.
 */
export type HistoryEntry = Sending | Sent | Claimed | Settled | Operating | Operated | Observed | Snapshot;

/** Written before a batch is sent, because it may be stored even if no reply arrives. */
export interface Sending {
  readonly type: "sending";
  /** The process. */
  readonly by: string;
  readonly jobs: readonly NewJob[];
}

/** The engine acknowledged a batch. `jobs[i]` belongs to `requested[i]`. */
export interface Sent {
  readonly type: "sent";
  readonly by: string;
  readonly requested: readonly string[];
  readonly jobs: readonly EnqueuedJob[];
}

/** One claim of one job, identified by its epoch: a lease without its token. */
export type Claim = Pick<Lease, "id" | "epoch">;

export interface Claimed {
  readonly type: "claimed";
  readonly by: string;
  readonly jobs: readonly (Claim & {
    readonly data: string;
    readonly attempt: number;
    /** The previous job of its run. */
    readonly follows?: string;
  })[];
}

/** The engine accepted or refused an outcome. */
export interface Settled extends Claim {
  readonly type: "settled";
  readonly by: string;
  readonly outcome: AttemptOutcome["type"];
  readonly verdict: "accepted" | "stale";
}

export type Operation = "cancel" | "retry" | "remove" | "promote";

/** Written before an operator's call, because it may take effect even if no reply arrives. */
export interface Operating {
  readonly type: "operating";
  readonly by: string;
  readonly operation: Operation;
  readonly ids: readonly string[];
}

export interface Operated {
  readonly type: "operated";
  readonly by: string;
  readonly operation: Operation;
  readonly id: string;
  readonly outcome: string;
}

/** An event that a subscriber received. */
export interface Observed {
  readonly type: "event";
  readonly event: EngineEvent;
}

/** Everything that is stored, read without concurrent activity. */
export interface Snapshot {
  readonly type: "snapshot";
  /** As `list` returns them: newest first. */
  readonly jobs: readonly JobRecord[];
  readonly counts: readonly QueueCounts[];
  /** Of the unfinished jobs. */
  readonly edges: Readonly<Record<string, JobEdges>>;
  /** Whether every event up to here has been recorded, from the first job on. */
  readonly eventsAreComplete: boolean;
  /** Whether everything that could run has ended. */
  readonly isDrained: boolean;
}
