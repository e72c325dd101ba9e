import type { AttemptOutcome, EnqueuedJob, Lease } from "../../engine/core.ts";
import type { EngineEvent } from "../../engine/events.ts";
import type { JobEdges } from "../../engine/inspect.ts";
import type { JobRecord, NewJob } from "../../engine/job.ts";
import type { QueueCounts } from "../../engine/queues.ts";

/**
 * What was done to an engine and what was seen of it, as plain JSON: a process writes its part to a file,
 * and `mergeHistories` makes one of several.
 *
 * Entries of one process are in its order. Between processes no order is assumed, except that events carry
 * the engine's own order if one subscriber recorded them all.
 */
export type HistoryEntry = Sending | Sent | Claimed | Settled | Operating | Operated | Observed | Snapshot;

/** Written before a batch is sent: it may be stored although no answer arrives. */
export interface Sending {
  readonly type: "sending";
  /** The process. */
  readonly by: string;
  readonly jobs: readonly NewJob[];
}

/** The engine acknowledged a batch. `jobs[i]` answers `asked[i]`. */
export interface Sent {
  readonly type: "sent";
  readonly by: string;
  readonly requested: readonly string[];
  readonly jobs: readonly EnqueuedJob[];
}

/** One claim of one job, as its epoch tells it: a lease without its token. */
export type Claim = Pick<Lease, "id" | "epoch">;

export interface Claimed {
  readonly type: "claimed";
  readonly by: string;
  readonly jobs: readonly (Claim & {
    readonly data: string;
    readonly attempt: number;
    /** The job ahead of it in its run. */
    readonly follows?: string;
  })[];
}

/** The engine's verdict on one outcome. */
export interface Settled extends Claim {
  readonly type: "settled";
  readonly by: string;
  readonly outcome: AttemptOutcome["type"];
  readonly verdict: "accepted" | "stale";
}

export type Operation = "cancel" | "retry" | "remove" | "promote";

/** Written before an operator's call: it may take effect although no answer arrives. */
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

/** An event, as a subscriber heard it. */
export interface Observed {
  readonly type: "event";
  readonly event: EngineEvent;
}

/** Everything that is stored, at one moment without other activity. */
export interface Snapshot {
  readonly type: "snapshot";
  /** As `list` shows them: newest first. */
  readonly jobs: readonly JobRecord[];
  readonly counts: readonly QueueCounts[];
  /** Of the unfinished jobs. */
  readonly edges: Readonly<Record<string, JobEdges>>;
  /** Whether every event up to here has been recorded, from the first job on. */
  readonly eventsAreComplete: boolean;
  /** Whether everything that can run did, to its end. */
  readonly isDrained: boolean;
}
