import type { ClaimedJob, Heartbeat } from "../../engine/core.ts";
import type { LogEntry } from "../../engine/job.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { withoutStack } from "../../errors/without-stack.ts";
import type { HandlerContext } from "../../middleware/handler-context.ts";

/** `buffered`: claimed and not started. `ended`: its outcome is on its way to the engine. */
export type AttemptPhase = "buffered" | "running" | "ended";

/** Log lines that wait for a heartbeat. An engine keeps a hundred. */
const MAX_PENDING_LOGS = 100;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** One claim of one job, until it is settled. Kept small: every job that runs has one. */
export class Attempt {
  readonly job: ClaimedJob;
  phase: AttemptPhase = "buffered";
  /** On the worker's monotonic clock. After that the engine may give the job to another worker. */
  leaseUntil: number;
  /** When it took its slot, on the worker's monotonic clock. */
  startedAt = 0;
  /** Whether its handler was called. Other attempts don't count for the duration of handlers. */
  hasRun = false;
  /** Whether its lease is lost: another epoch may hold the job, so its outcome is dropped. */
  isLost = false;
  cancelReason: string | undefined;
  /** The first reason for which the signal aborted. */
  abortReason: QueueError | undefined;
  /** The next job of its ordering key, reserved by the same claim. It starts when this one has ended. */
  next: Attempt | undefined;
  /** The handler's context, kept only for `settled` middleware. */
  context: HandlerContext | undefined;
  /** On the worker's monotonic clock: the end of its timeout's grace. A later completion is a timeout. */
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

  /** Created on first access: most handlers don't use it. */
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

  /** Ends the attempt and its timer. */
  end(): void {
    this.phase = "ended";
    this.cancelTimer?.();
  }

  cancel(reason: string): void {
    if (this.cancelReason !== undefined) return;
    this.cancelReason = reason;
    if (this.phase === "running") this.abort(withoutStack(new QueueError("JOB_CANCELLED", reason)));
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

  /** The attempt's part of the next heartbeat. It counts as delivered unless it is restored. */
  takeHeartbeat(): Heartbeat {
    const heartbeat: Mutable<Heartbeat> = { id: this.job.id, epoch: this.job.epoch, token: this.job.token };
    if (this.#progress !== undefined) heartbeat.progress = this.#progress;
    if (this.#logs !== undefined) heartbeat.logs = this.#logs;
    this.#progress = undefined;
    this.#logs = undefined;
    return heartbeat;
  }

  /** Puts back what a failed heartbeat carried. Newer progress wins; logs keep their order. */
  restoreHeartbeat({ progress, logs }: Heartbeat): void {
    this.#progress ??= progress;
    if (logs) this.#logs = [...logs, ...(this.#logs ?? [])].slice(-MAX_PENDING_LOGS);
  }
}
