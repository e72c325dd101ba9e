import type { WireEnvelope } from "../contract/envelope.ts";
import type { Retention } from "../contract/retention.ts";
import type { Logger } from "../logging/logger.ts";
import type { EventSubscriber } from "./events.ts";
import type { HealthReport, MetricsBucket, QueueCounts } from "./reports.ts";
import type { JobState, TerminalState } from "./state-machine.ts";

/**
 * The engine port: where jobs are stored and scheduled.
 *
 * Everything above it (producer, worker runtime, adapters) speaks only this interface, and everything
 * below it (memory, Redis, streams) implements it. Calls are batch-shaped so that one round trip can do
 * the work of many. Payloads, results, errors and progress are JSON text that an engine never parses.
 * An error begins with its members `code` and `message`: `root-cause.ts` takes the cause of a cascade from there.
 * All other text is well-formed Unicode, which those above the port see to; beyond that it may hold anything.
 *
 * The conformance suite in `@org/queue/testing` is this interface's specification, one named case a rule.
 * All durations are milliseconds, all instants milliseconds since the epoch on the engine's clock.
 */
export interface Engine {
  /** Short name for messages and metrics, for example `"memory"`. */
  readonly name: string;
  readonly capabilities: EngineCapabilities;
  /** Whether its jobs live in this process only, and are dropped when it closes. @default false */
  readonly embedded?: boolean;

  /**
   * Stores batches. Each batch is all or nothing; one batch's refusal doesn't touch another's. A job whose
   * id is already known (stored, or finished and remembered) is not stored again.
   */
  enqueue(batches: readonly EnqueueBatch[]): Promise<readonly EnqueueOutcome[]>;

  /**
   * Leases up to `limit` runnable jobs. Each gets its next epoch. Due jobs are promoted in passing.
   *
   * With `run`, the next in line of a claimed job's ordering key are *reserved* along with it. A reserved job
   * stays `blocked`, and its attempt isn't counted yet, but it is in the claimer's hands: it has its epoch and
   * its lease, and nobody else gets it. It becomes `active` under that lease, instead of `queued`, in the step
   * in which the job that it follows ends and lets the next one run.
   *
   * Reservations are void when the job that has the turn keeps it or gives it back: by a retry, a release, a
   * lost lease (also when that ends it), or a failure that holds the key. So are a reserved job's own, and
   * those behind it, when it is released or its lease is lost. It then goes on waiting as if it had never been
   * claimed, or is cancelled if it had been told to stop; a void epoch isn't given again.
   */
  claim(request: ClaimRequest): Promise<readonly ClaimedJob[]>;

  /**
   * Ends attempts, then optionally claims in the same step. Each outcome is accepted if its lease still
   * holds the job and `"stale"` otherwise; a stale outcome changes nothing. Outcomes are taken in order, so
   * those of a run may come in one call; that of a job whose turn hasn't come is stale.
   */
  settle(request: SettleRequest): Promise<SettleReply>;

  /** Renews leases (to `lease` from now), reserved jobs' too, storing the progress and logs they carry. */
  extend(request: ExtendRequest): Promise<readonly LeaseStatus[]>;

  /**
   * Gives claimed jobs back unrun, at their old place in the order. Stale ones are ignored. Of a reserved job
   * only the reservation goes: `delay` and `bounce` mean nothing for it.
   */
  release(releases: readonly Release[]): Promise<void>;

  /**
   * One bounded turn of maintenance: expired leases go back (or fail as `STALLED`), cascades go on, due jobs become
   * queued, expired finished jobs and tombstones are trimmed.
   *
   * A step of any call decides a bounded number of the dependents of jobs that end (`step-budget.ts`), in the order
   * in which they began to wait. The rest stay `blocked`, and their edges `undecided`, until a later turn, `claim` or
   * `settle` that claims comes to them. `more` says whether there are any.
   *
   * The expired leases of a turn are handled in send order,
   * so that engines agree on the order of what ends. A reserved job's only voids its reservation: that is no
   * stall, and isn't reported. Safe from any number of processes at once.
   */
  recover(): Promise<RecoverReport>;

  cancel(ids: readonly string[], reason: string): Promise<readonly CancelOutcome[]>;
  /**
   * Reopens failed and cancelled jobs with fresh attempts and a new epoch. Inside an ordering key a turn that
   * is given isn't taken back, and reserved jobs' turns are given: a reopened one comes after them.
   */
  retry(ids: readonly string[]): Promise<readonly RetryOutcome[]>;
  /** Deletes jobs that aren't active or reserved. What waits for one is decided as if it had been cancelled. */
  remove(ids: readonly string[]): Promise<readonly RemoveOutcome[]>;
  /** Makes scheduled jobs due now. */
  promote(ids: readonly string[]): Promise<readonly PromoteOutcome[]>;

  /**
   * In the order of `ids`; `null` where no job is stored: it never was, or is gone (see `remembered`). Subscribers of
   * this engine have been called for the ending of one that is gone by then.
   */
  get(ids: readonly string[]): Promise<readonly (JobRecord | null)[]>;
  /**
   * How jobs ended that are gone (trimmed, cleaned or removed), by their tombstones. In the order of `ids`; `null`
   * where the job is stored, never was, or is forgotten.
   */
  remembered(ids: readonly string[]): Promise<readonly (RememberedEnding | null)[]>;
  list(request: ListRequest): Promise<JobPage>;
  /** Counts of every queue that has, or had, a job or a pause. Cost doesn't grow with the jobs. */
  counts(): Promise<readonly QueueCounts[]>;
  /** One bucket per queue and minute with activity, oldest first. */
  metrics(request: { readonly since: number }): Promise<readonly MetricsBucket[]>;
  /** What a job waits for and who waits for it, or `null` when it isn't stored. */
  edges(id: string): Promise<JobEdges | null>;

  /** A paused queue keeps accepting jobs and hands none out. */
  pause(queue: string): Promise<void>;
  resume(queue: string): Promise<void>;
  /** Removes up to `limit` finished jobs, oldest first. Answers how many. */
  clean(request: CleanRequest): Promise<number>;

  /**
   * Resolves when one of the queues may have work, when `timeout` passes, or when `signal` aborts. It may
   * resolve early; it never rejects for an abort.
   */
  waitForWork(request: WaitForWorkRequest): Promise<void>;
  /**
   * Calls `onEvent` for every transition from now on. Answers once the subscription is in force. The first error
   * of a listener, thrown or rejected, is logged; all are otherwise ignored.
   */
  subscribe(subscriber: EventSubscriber): Promise<Unsubscribe>;

  /**
   * Calls `listener` at once when a job that this engine's claims hold is told to stop, by whatever process. An
   * engine that can't push leaves it out: heartbeats tell all the same. Calls may be lost, and may come twice.
   */
  onCancelRequest?(listener: CancelListener): Promise<Unsubscribe>;

  /**
   * Where the engine logs what no call of it can report, such as a message that it can't read. The last logger that
   * was given counts; before the first it is the console.
   */
  logTo?(logger: Logger): void;

  health(): Promise<HealthReport>;
  /** Ends waits and subscriptions and frees what the engine opened. Safe to call twice. */
  close(): Promise<void>;
}

export type { WireEnvelope } from "../contract/envelope.ts";
export type { Retention, RetentionBound } from "../contract/retention.ts";

export type Unsubscribe = () => Promise<void>;

export type CancelListener = (ids: readonly string[], reason: string) => void;

/** What an engine can do. A send that needs a `false` one is refused with `UnsupportedByEngineError`. */
export interface EngineCapabilities {
  readonly dependencies: boolean;
  readonly orderingKeys: boolean;
  readonly delays: boolean;
  readonly priorities: boolean;
  readonly dedupe: boolean;
  /** Reading jobs back: `get`, `list`, `edges`, results, `wait`. */
  readonly inspection: boolean;
  readonly cancellation: boolean;
}

// ── Jobs ────────────────────────────────────────────────────────────────────────────────────────────

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
}

export interface EnqueueBatch {
  readonly jobs: readonly NewJob[];
}

/** `jobs[i]` tells of the batch's i-th job; with `dedupe`, `id` may be an earlier job's. */
export type EnqueueOutcome =
  | { readonly ok: true; readonly jobs: readonly EnqueuedJob[] }
  | { readonly ok: false; readonly reason: "dependency-not-found"; readonly missing: readonly string[] }
  | { readonly ok: false; readonly reason: "dependency-cycle"; readonly cycle: readonly string[] };

export interface EnqueuedJob {
  readonly id: string;
  /** False when the id or the dedupe key was known and nothing new was stored. */
  readonly created: boolean;
}

// ── Running ─────────────────────────────────────────────────────────────────────────────────────────

export interface ClaimRequest {
  /** Served in this order until `limit` is reached. */
  readonly queues: readonly string[];
  readonly limit: number;
  /** Milliseconds until the claim expires unless extended. */
  readonly lease: number;
  /**
   * Most jobs of one ordering key to hand out together: one to begin with, and the next in its line, in order
   * and without a gap, up to the first that waits for anything but the key (a dependency, a time). All count
   * towards `limit`. An engine may have a bound of its own, of ten or more. @default 1
   */
  readonly run?: number;
}

/**
 * Identifies one claim of one job. The epoch grows with every claim that the engine remembers; an engine whose
 * server lost its latest writes may give one again, so what carries a lease is accepted for its own claim only.
 */
export interface Lease {
  readonly id: string;
  readonly epoch: number;
  /** The claim that handed the job out, the same for all its jobs. Opaque; no two claims have the same. */
  readonly token: string;
}

export interface ClaimedJob extends Lease {
  readonly envelope: WireEnvelope;
  readonly queue: string;
  /** 1 for the first attempt. Stalls and releases don't count. Of a reserved job: once it begins. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly stalls: number;
  /** How often a worker that didn't know the message gave it back. */
  readonly bounces: number;
  readonly orderingKey?: string;
  /** Whether the job keeps its ordering key when it fails, so that nothing may follow it then. @default false */
  readonly holdsKey?: true;
  /**
   * Of a reserved job: the job ahead of it in its run, which is the one before it in the answer. It may begin
   * only once that one has ended in a way that lets the next one run.
   */
  readonly follows?: string;
  readonly dependsOn: readonly string[];
  /** When the engine stored the job. */
  readonly createdAt: number;
}

export interface SettleRequest {
  readonly outcomes: readonly AttemptOutcome[];
  readonly claim?: ClaimRequest;
}

/** How an attempt ended. `result` and `error` are JSON text. */
export type AttemptOutcome = Lease &
  (
    | { readonly type: "complete"; readonly result?: string }
    | { readonly type: "retry"; readonly error: string; readonly delay: number }
    | { readonly type: "fail"; readonly error: string }
    | { readonly type: "cancel"; readonly error: string }
  );

export interface SettleReply {
  /** In the order of the request's outcomes. */
  readonly verdicts: readonly ("accepted" | "stale")[];
  readonly claimed: readonly ClaimedJob[];
  /** Those of the queues to claim from that are paused: what the caller holds of them unrun it should release. */
  readonly paused: readonly string[];
}

export interface ExtendRequest {
  readonly leases: readonly Heartbeat[];
  readonly lease: number;
}

export interface Heartbeat extends Lease {
  /** JSON text; the last one stands. */
  readonly progress?: string;
  readonly logs?: readonly LogEntry[];
}

export interface LogEntry {
  readonly at: number;
  /** Well-formed Unicode, as errors and reasons are. */
  readonly message: string;
}

/** `held`: go on. `lost`: another lease, or none, holds the job. `cancelling`: held, and told to stop. */
export type LeaseStatus = "held" | "lost" | "cancelling";

export interface Release extends Lease {
  /** Milliseconds before it may be claimed again. `0`: at once. */
  readonly delay: number;
  /** Whether this counts as a bounce (a worker that doesn't know the message). */
  readonly bounce: boolean;
}

export interface RecoverReport {
  /** Jobs whose lease had expired: back in their queue, or failed. */
  readonly requeued: number;
  readonly stalled: number;
  readonly promoted: number;
  readonly trimmed: number;
  /** Whether the bound of one turn was reached, so that another turn has work. */
  readonly more: boolean;
}

// ── Operating ───────────────────────────────────────────────────────────────────────────────────────

/** `cancelling`: active or reserved, its worker will be told. `finished`: already in a terminal state. */
export type CancelOutcome = "cancelled" | "cancelling" | "finished" | "unknown";
/** `not-failed`: only failed and cancelled jobs can be retried. */
export type RetryOutcome = "retried" | "not-failed" | "unknown";
/** `active`: in a worker's hands, be it active or reserved. */
export type RemoveOutcome = "removed" | "active" | "unknown";
export type PromoteOutcome = "promoted" | "not-scheduled" | "unknown";

export interface WaitForWorkRequest {
  readonly queues: readonly string[];
  readonly timeout: number;
  readonly signal: AbortSignal;
}

export interface CleanRequest {
  readonly state: TerminalState;
  readonly queue?: string;
  /** Only jobs that ended at least this many milliseconds ago. */
  readonly olderThan: number;
  readonly limit: number;
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
  /** When the latest attempt began. */
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

/** What a tombstone says. A job that was removed unfinished counts as cancelled. */
export interface RememberedEnding {
  readonly state: TerminalState;
  readonly messageType: string;
}

export interface AttemptFailure {
  readonly epoch: number;
  readonly startedAt: number;
  readonly at: number;
  readonly error: string;
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
