import type { WireEnvelope } from "../contract/envelope.ts";
import type { FailureGroupKey } from "./failure-groups.ts";
import type { Finding } from "./finding.ts";
import type { HealthReport } from "./health-report.ts";
import type { LogEntry, NewJob } from "./job.ts";
import type { WorkerBeat } from "./workers.ts";

/** What every engine does: store jobs, hand them out, take their outcomes. */
export interface EngineCore {
  /**
   * Stores batches. Each batch is all or nothing; one batch's refusal doesn't touch another's. A job whose
   * id is already known (stored, or finished and remembered) is not stored again. If a job of another message has the
   * id, the batch is refused: whoever sent it would take that job's result for its own.
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
   *
   * With `handles`, nothing else is handed out. Order, priorities and ordering keys hold within what is handled: jobs
   * that aren't are passed over, and keep their places for a claim that handles them.
   */
  claim(request: ClaimRequest): Promise<ClaimReply>;

  /**
   * Ends attempts, then optionally claims in the same step. Each outcome is accepted if its lease still
   * holds the job and `"stale"` otherwise; a stale outcome changes nothing. Outcomes are taken in order, so
   * those of a run may come in one call; that of a job whose turn hasn't come is stale.
   */
  settle(request: SettleRequest): Promise<SettleReply>;

  /** Renews leases (to `lease` from now), reserved jobs' too, storing the progress and logs they carry. */
  extend(request: ExtendRequest): Promise<readonly LeaseReply[]>;

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
   *
   * With `beat`, it also says what a worker runs, and that it is alive: no further call is needed for that.
   */
  recover(request?: RecoverRequest): Promise<RecoverReport>;

  /**
   * Resolves when one of the queues may have work, when `timeout` passes, or when `signal` aborts. It may
   * resolve early; it never rejects for an abort.
   */
  waitForWork(request: WaitForWorkRequest): Promise<void>;

  health(): Promise<HealthReport>;

  /**
   * Looks at the engine's server for people who set it up: each check with what to do. Also where the engine refuses the
   * server. Changes nothing, takes seconds at most, and never rejects. Absent in an engine without a server.
   */
  diagnose?(): Promise<readonly Finding[]>;

  /** Ends waits and subscriptions and frees what the engine opened. Safe to call twice. */
  close(): Promise<void>;
}

export interface EnqueueBatch {
  readonly jobs: readonly NewJob[];
}

/**
 * `jobs[i]` tells of the batch's i-th job; with `dedupe`, `id` may be an earlier job's. `id-in-use` names the first such
 * id, and the message of the job that has it.
 */
export type EnqueueOutcome =
  | { readonly ok: true; readonly jobs: readonly EnqueuedJob[] }
  | { readonly ok: false; readonly reason: "dependency-not-found"; readonly missing: readonly string[] }
  | { readonly ok: false; readonly reason: "dependency-cycle"; readonly cycle: readonly string[] }
  | { readonly ok: false; readonly reason: "id-in-use"; readonly id: string; readonly messageType: string };

export interface EnqueuedJob {
  readonly id: string;
  /** False when the id or the dedupe key was known and nothing new was stored. */
  readonly created: boolean;
}

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
  /** What the claimer can run. Absent: every message. An engine whose `features.selectiveClaims` is false ignores it. */
  readonly handles?: readonly HandledMessage[];
}

export interface HandledMessage {
  readonly message: string;
  /** The newest version that can be run; all before it can, too. */
  readonly version: number;
}

export interface ClaimReply {
  readonly jobs: readonly ClaimedJob[];
  /**
   * Of a claim that got nothing: milliseconds until something may change without anybody sending a job, since one is
   * due, or a lease ends, which `recover` acts on. 0: claim again at once. Absent: nothing is to be expected.
   */
  readonly nextIn?: number;
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

/**
 * How an attempt ended. `result` and `error` are JSON text. A failure with a `group` is counted in it, unless the job is
 * cancelled: as failed if it ends the job, else as retried. Stalled attempts are counted by the engine.
 */
export type AttemptOutcome = Lease &
  (
    | { readonly type: "complete"; readonly result?: string }
    | {
        readonly type: "retry";
        readonly error: string;
        readonly group?: FailureGroupKey;
        readonly delay: number;
      }
    | { readonly type: "fail"; readonly error: string; readonly group?: FailureGroupKey }
    | { readonly type: "cancel"; readonly error: string }
  );

export interface SettleReply {
  /** In the order of the request's outcomes. */
  readonly verdicts: readonly ("accepted" | "stale")[];
  readonly claimed: readonly ClaimedJob[];
  /** As of a claim. */
  readonly nextIn?: number;
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

/** `held`: go on. `lost`: another lease, or none, holds the job. `cancelling`: held, and told to stop. */
export type LeaseStatus = "held" | "lost" | "cancelling";

export interface LeaseReply {
  readonly status: LeaseStatus;
  /** Why the job is to stop, when it is. */
  readonly reason?: string;
}

export interface Release extends Lease {
  /** Milliseconds before it may be claimed again. `0`: at once. */
  readonly delay: number;
  /** Whether this counts as a bounce (a worker that doesn't know the message). */
  readonly bounce: boolean;
}

export interface RecoverRequest {
  /** Of a worker that is registered. */
  readonly beat?: WorkerBeat;
}

export interface RecoverReport {
  /** Jobs whose lease had expired: back in their queue, or failed. */
  readonly requeued: number;
  readonly stalled: number;
  readonly promoted: number;
  readonly trimmed: number;
  /** Whether the bound of one turn was reached, so that another turn has work. */
  readonly more: boolean;
  /**
   * Milliseconds until a turn has something to do, as far as is known by now: a lease ends, a job is due, retention is
   * over. Absent: nothing is to be expected.
   */
  readonly nextIn?: number;
  /** The worker of the beat isn't registered, or no longer: it should register again. @default false */
  readonly isUnregistered?: true;
}

export interface WaitForWorkRequest {
  readonly queues: readonly string[];
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** As of a claim: work that isn't handled doesn't count. */
  readonly handles?: readonly HandledMessage[];
}
