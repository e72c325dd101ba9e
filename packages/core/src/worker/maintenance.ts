import type { EngineCore } from "../engine/core.ts";
import { WORKER_LIFETIME } from "../engine/engine-limits.ts";
import { type Clock, monotonicNow } from "../timing/clock.ts";
import { type Deadline, ENGINE_TIMEOUT } from "../timing/deadline.ts";
import type { FailureLog } from "./failure-log.ts";
import type { AttemptPool } from "./pool/attempt-pool.ts";
import type { Registration } from "./registration.ts";

export interface MaintenanceParts {
  readonly engine: EngineCore;
  readonly clock: Clock;
  readonly pool: AttemptPool;
  readonly registration: Registration;
  readonly failureLog: FailureLog;
  readonly deadline: Deadline;
  /** Milliseconds between two turns, at least. */
  readonly interval: number;
  /** Milliseconds of the worker's leases. Those of others are likely as long. */
  readonly lease: number;
}

const OPERATION = "do the engine's maintenance";
/** Milliseconds between two turns, at most: each is also a beat. A worker may miss one, and be late with the next. */
const BEAT_INTERVAL = WORKER_LIFETIME / 3;

/**
 * Calls the engine's maintenance (expired leases, due jobs, retention) when something is due. While this worker has
 * jobs, no claim reports what is due: then it calls at intervals.
 */
export class Maintenance {
  readonly #parts: MaintenanceParts;
  /** A turn sees each lease before it ends. */
  readonly #maxInterval: number;
  #onWork: () => void = () => {};
  #lastTurn = Number.NEGATIVE_INFINITY;
  /** When something is due, on the monotonic clock. */
  #dueAt = Number.POSITIVE_INFINITY;
  /** Milliseconds by which this worker is late, so that not all workers come at the end of the same lease. */
  #lateness = 0;
  #isInTurn = false;
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
    this.#maxInterval = Math.max(parts.interval, Math.min(BEAT_INTERVAL, parts.lease));
  }

  /** Calls `onWork` when jobs became runnable. */
  start(onWork: () => void): void {
    this.#onWork = onWork;
    void this.#turn();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  /** What the next beat tells has changed, and shouldn't wait for its time. */
  beatNow(): void {
    this.#lastTurn = Number.NEGATIVE_INFINITY;
    this.#dueAt = Number.NEGATIVE_INFINITY;
    if (!this.#isInTurn) this.#schedule();
  }

  /** The engine said that something is due in so many milliseconds. */
  expect(milliseconds: number): void {
    this.#expectAt(monotonicNow(this.#parts.clock) + milliseconds + this.#lateness);
  }

  /** The worker has got jobs. */
  hasJobs(): void {
    this.#expectAt(this.#lastTurn + this.#parts.interval);
  }

  #expectAt(instant: number): void {
    if (instant >= this.#dueAt) return;
    this.#dueAt = instant;
    if (!this.#isInTurn) this.#schedule();
  }

  #schedule(): void {
    this.#cancelTimer?.();
    if (this.#isStopped) return;
    const { clock, interval } = this.#parts;
    const at = Math.max(this.#lastTurn + interval, Math.min(this.#dueAt, this.#lastTurn + this.#maxInterval));
    const pause = Math.max(0, at - monotonicNow(clock));
    this.#cancelTimer = clock.after(pause, () => void this.#turn());
  }

  async #turn(): Promise<void> {
    const { engine, clock, pool, registration, failureLog, deadline, interval } = this.#parts;
    this.#isInTurn = true;
    this.#lastTurn = monotonicNow(clock);
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#lateness = Math.random() * interval;
    try {
      const beat = registration.beat();
      const call = engine.recover(beat && { beat });
      const { requeued, promoted, more, nextIn, isUnregistered } = await deadline.limit(call, ENGINE_TIMEOUT);
      if (this.#isStopped) return;
      failureLog.succeeded(OPERATION);
      if (isUnregistered) void registration.register();
      if (requeued + promoted > 0) this.#onWork();
      // One call is bounded. The next follows at once, with other work in between.
      if (more) this.#lastTurn = Number.NEGATIVE_INFINITY;
      if (nextIn !== undefined) this.expect(nextIn);
      if (more || !pool.isEmpty) this.#dueAt = Number.NEGATIVE_INFINITY;
    } catch (error) {
      if (this.#isStopped) return;
      this.#dueAt = monotonicNow(clock) + failureLog.failed(OPERATION, error);
    }
    this.#isInTurn = false;
    this.#schedule();
  }
}
