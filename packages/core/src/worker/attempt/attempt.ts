import type { ClaimedJob, Heartbeat } from "../../engine/core.ts";
import type { LogEntry } from "../../engine/job.ts";
import { QueueError } from "../../errors/queue-error.ts";
import type { HandlerContext } from "../../middleware/handler-context.ts";

/** `buffered`: claimed, not begun. `ended`: its outcome is on its way to the engine. */
export type AttemptPhase = "buffered" | "running" | "ended";

/** Log lines that wait for a heartbeat; an engine keeps a hundred. */
const MAX_PENDING_LOGS = 100;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** One claim of one job, from the claim to its settlement. Plain and small: there is one for every job run. */
export class Attempt {
  readonly job: ClaimedJob;
  phase: AttemptPhase = "buffered";
  /** On the worker's monotonic clock: from then on the engine may give the job to another. */
  leaseUntil: number;
  /** When it took its slot, on the worker's monotonic clock. */
  startedAt = 0;
  /** Whether its handler was called: what didn't get that far tells nothing of how long handlers take. */
  hasRun = false;
  /** Another epoch may hold the job: whatever comes of this attempt is dropped. */
  isLost = false;
  cancelReason: string | undefined;
  /** Why the signal fired, the first time. */
  abortReason: QueueError | undefined;
  /** What is to begin when this one has ended: the next job of its ordering key, reserved by the same claim. */
  next: Attempt | undefined;
  /** What its handler was given; kept only for those who ask how attempts end. */
  context: HandlerContext | undefined;
  /** On the worker's monotonic clock: the end of its timeout's grace. What completes later doesn't count. */
  deadline: number | undefined;
  /** Of its timeout. */
  cancelTimer: (() => void) | undefined;
  #controller: AbortController | undefined;
  #progress: string | undefined;
  #logs: LogEntry[] | undefined;

  constructor(job: ClaimedJob, leaseUntil: number) {
    this.job = job;
    this.leaseUntil = leaseUntil;
  }

  /** Made only for handlers that look at it. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.abortReason) this.#controller.abort(this.abortReason);
    }
    return this.#controller.signal;
  }

  abort(reason: QueueError): void {
    if (this.abortReason) return;
    this.abortReason = reason;
    this.#controller?.abort(reason);
  }

  /** Its own timers end with it. */
  end(): void {
    this.phase = "ended";
    this.cancelTimer?.();
  }

  cancel(reason: string): void {
    if (this.cancelReason !== undefined) return;
    this.cancelReason = reason;
    if (this.phase === "running") this.abort(new QueueError("JOB_CANCELLED", reason));
  }

  /** Whether it has ever reported progress or logs. */
  hasReported = false;

  /** Whether progress or logs wait for a heartbeat. */
  get isDirty(): boolean {
    return this.#progress !== undefined || this.#logs !== undefined;
  }

  setProgress(json: string): void {
    this.#progress = json;
    this.hasReported = true;
  }

  addLog(entry: LogEntry): void {
    this.#logs ??= [];
    this.#logs.push(entry);
    this.hasReported = true;
    if (this.#logs.length > MAX_PENDING_LOGS) this.#logs.shift();
  }

  /** What the next heartbeat carries. It counts as delivered unless given back. */
  takeHeartbeat(): Heartbeat {
    const heartbeat: Mutable<Heartbeat> = { id: this.job.id, epoch: this.job.epoch, token: this.job.token };
    if (this.#progress !== undefined) heartbeat.progress = this.#progress;
    if (this.#logs !== undefined) heartbeat.logs = this.#logs;
    this.#progress = undefined;
    this.#logs = undefined;
    return heartbeat;
  }

  /** A heartbeat that didn't get through: what it carried waits again, behind nothing newer. */
  giveBackHeartbeat({ progress, logs }: Heartbeat): void {
    this.#progress ??= progress;
    if (logs) this.#logs = [...logs, ...(this.#logs ?? [])].slice(-MAX_PENDING_LOGS);
  }
}
