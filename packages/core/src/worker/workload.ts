import { type Clock, monotonicNow } from "../engine/clock.ts";
import type { ClaimedJob } from "../engine/port.ts";
import { QueueError } from "../errors/queue-error.ts";
import { Attempt } from "./attempt.ts";
import { type AttemptEnd, released } from "./attempt-end.ts";
import type { Prefetch } from "./prefetch.ts";
import type { Tally } from "./tally.ts";

export interface WorkloadParts {
  readonly clock: Clock;
  readonly concurrency: number;
  readonly prefetch: Prefetch;
  readonly tally: Tally;
  /** Begins an attempt. It comes back through `ended`. */
  readonly start: (attempt: Attempt) => void;
  /** An attempt is over, and its end is to be told to the engine. */
  readonly onEnd: (attempt: Attempt, end: AttemptEnd) => void;
}

/** Buffered jobs of which none began for so long are given back: another worker may be free. */
const BUFFER_PATIENCE = 250;

/** All that a worker holds: running attempts up to its concurrency, and a buffer of the next ones. */
export class Workload {
  readonly #parts: WorkloadParts;
  /** Everything under a lease of ours: buffered, running, or ended and not yet settled. */
  readonly #held = new Set<Attempt>();
  readonly #running = new Set<Attempt>();
  #buffer: Attempt[] = [];
  #next = 0;
  #lastStart = 0;
  #cancelBufferTimer: (() => void) | undefined;
  #isFilling = false;
  #isStopping = false;

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
  }

  get held(): ReadonlySet<Attempt> {
    return this.#held;
  }

  get running(): number {
    return this.#running.size;
  }

  get buffered(): number {
    return this.#buffer.length - this.#next;
  }

  /** How many more jobs to claim. */
  get room(): number {
    if (this.#isStopping) return 0;
    const { concurrency, prefetch } = this.#parts;
    return Math.max(0, concurrency + prefetch.size - this.#running.size - this.buffered);
  }

  /** Takes claimed jobs in. `leaseUntil` is on the monotonic clock. */
  accept(jobs: readonly ClaimedJob[], leaseUntil: number): void {
    for (const job of jobs) {
      const attempt = new Attempt(job, leaseUntil);
      this.#held.add(attempt);
      if (this.#isStopping) this.#giveBack(attempt);
      else this.#buffer.push(attempt);
    }
    this.#fill();
    if (this.buffered > 0 && !this.#cancelBufferTimer) this.#watchBuffer(BUFFER_PATIENCE);
  }

  /** A started attempt is over: its slot is free for the next. */
  ended(attempt: Attempt, end: AttemptEnd): void {
    this.#running.delete(attempt);
    if (attempt.hasRun) {
      this.#parts.prefetch.record(monotonicNow(this.#parts.clock) - attempt.startedAt);
    }
    this.#parts.onEnd(attempt, end);
    this.#fill();
  }

  /** The engine has taken an attempt's end, or won't any more. */
  forget(attempt: Attempt): void {
    this.#held.delete(attempt);
  }

  /** The engine may have given the job to another. A running handler keeps its slot until it stops. */
  lose(attempt: Attempt, why: string): void {
    if (attempt.isLost || attempt.phase === "ended") return;
    attempt.isLost = true;
    this.#parts.tally.lost++;
    this.#held.delete(attempt);
    attempt.abort(new QueueError("LEASE_LOST", why));
  }

  /** Attempts of these jobs are to stop; those not begun won't begin. */
  cancel(ids: readonly string[], reason: string): void {
    const wanted = new Set(ids);
    for (const attempt of this.#held) if (wanted.has(attempt.job.id)) attempt.cancel(reason);
  }

  /** From now on nothing begins, and what hasn't begun is given back. */
  stop(): void {
    this.#isStopping = true;
    this.#releaseBuffer();
  }

  abortRunning(reason: QueueError): void {
    for (const attempt of this.#running) attempt.abort(reason);
  }

  /** Gives back what still runs. Its handlers' ends will count for nothing. */
  abandonRunning(): void {
    for (const attempt of [...this.#running]) {
      attempt.phase = "ended";
      attempt.cancelTimer?.();
      this.ended(attempt, released(attempt));
    }
  }

  #fill(): void {
    // A handler that ends synchronously comes back here: the loop below goes on with it.
    if (this.#isFilling) return;
    this.#isFilling = true;
    while (this.#running.size < this.#parts.concurrency && this.#next < this.#buffer.length) {
      const attempt = this.#buffer[this.#next++]!;
      const now = monotonicNow(this.#parts.clock);
      if (now >= attempt.leaseUntil) this.lose(attempt, "The lease was over before the job began.");
      if (attempt.isLost) continue;
      attempt.startedAt = now;
      this.#lastStart = now;
      this.#running.add(attempt);
      this.#parts.start(attempt);
    }
    if (this.#next === this.#buffer.length) {
      this.#buffer = [];
      this.#next = 0;
    }
    this.#isFilling = false;
  }

  #watchBuffer(patience: number): void {
    const { clock, prefetch } = this.#parts;
    this.#cancelBufferTimer = clock.after(patience, () => {
      this.#cancelBufferTimer = undefined;
      if (this.buffered === 0) return;
      const left = this.#lastStart + BUFFER_PATIENCE - monotonicNow(clock);
      if (left > 0) return this.#watchBuffer(left);
      prefetch.suspend();
      this.#releaseBuffer();
    });
  }

  #releaseBuffer(): void {
    this.#cancelBufferTimer?.();
    this.#cancelBufferTimer = undefined;
    const waiting = this.#buffer.slice(this.#next);
    this.#buffer = [];
    this.#next = 0;
    for (const attempt of waiting) this.#giveBack(attempt);
  }

  #giveBack(attempt: Attempt): void {
    attempt.phase = "ended";
    if (!attempt.isLost) this.#parts.onEnd(attempt, released(attempt));
  }
}
