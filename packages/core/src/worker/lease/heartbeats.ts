import type { Engine } from "../../engine/engine.ts";
import { DEFAULT_CANCEL_REASON } from "../../queue/operate/operations.ts";
import { type Clock, monotonicNow } from "../../timing/clock.ts";
import { type Deadline, ENGINE_TIMEOUT } from "../../timing/deadline.ts";
import { nextTurn } from "../../timing/next-turn.ts";
import type { Attempt } from "../attempt/attempt.ts";
import type { FailureLog } from "../failure-log.ts";
import type { AttemptPool } from "../pool/attempt-pool.ts";

export interface HeartbeatParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly pool: AttemptPool;
  readonly failureLog: FailureLog;
  readonly deadline: Deadline;
  /** Milliseconds. */
  readonly lease: number;
}

/** Milliseconds between calls that deliver progress and logs, at least. */
const REPORT_INTERVAL = 250;
/** Milliseconds that a lease must still last for a failed renewal to be tried again. */
const MIN_RETRY_TIME = 200;
const OPERATION = "renew its leases";

/**
 * Renews the leases of all held jobs, in one call every third of a lease. The calls carry progress and logs; their
 * answers report lost leases and cancellations.
 */
export class Heartbeats {
  readonly #parts: HeartbeatParts;
  readonly #interval: number;
  readonly #timeout: number;
  /** Attempts with progress or logs to deliver. */
  readonly #dirty = new Set<Attempt>();
  #inFlight: Promise<void> | undefined;
  #cancelBeatTimer: (() => void) | undefined;
  #cancelReportTimer: (() => void) | undefined;
  #isReportDue = false;
  /** Whether the next call carries all held jobs. */
  #isBeatDue = false;
  #lastReport = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    this.#interval = Math.floor(parts.lease / 3);
    this.#timeout = Math.min(this.#interval, ENGINE_TIMEOUT);
  }

  /** Renews leases for as long as jobs are held. */
  start(): void {
    if (this.#cancelBeatTimer || this.#isStopped) return;
    this.#cancelBeatTimer = this.#parts.clock.after(this.#interval, () => this.#beat());
  }

  /** Delivers the progress and logs of an attempt soon, together with those of others. */
  report(attempt: Attempt): void {
    this.#dirty.add(attempt);
    if (this.#isReportDue || this.#isStopped) return;
    this.#isReportDue = true;
    const deliver = () => {
      void this.#deliver(this.#dirty).finally(() => {
        this.#isReportDue = false;
        const [next] = this.#dirty;
        if (next) this.report(next);
      });
    };
    const wait = this.#lastReport + REPORT_INTERVAL - monotonicNow(this.#parts.clock);
    if (wait <= 0) nextTurn(deliver);
    else this.#cancelReportTimer = this.#parts.clock.after(wait, deliver);
  }

  /** Delivers the progress and logs of these attempts now. Never rejects: it resolves when the call fails, too. */
  async flush(attempts: readonly Attempt[]): Promise<void> {
    await this.#inFlight;
    const dirty = attempts.filter((attempt) => attempt.isDirty);
    if (dirty.length > 0) await this.#deliver(dirty);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelBeatTimer?.();
    this.#cancelReportTimer?.();
  }

  #beat(): void {
    this.#cancelBeatTimer = undefined;
    const { pool, clock } = this.#parts;
    this.#expire();
    if (pool.held.size === 0 || this.#isStopped) return;
    this.#isBeatDue = true;
    void this.#deliver([]);
    // The end of a lease must be noticed in time even if the renewal fails or hangs.
    this.#cancelBeatTimer = clock.after(Math.min(this.#interval, this.#untilExpiry()), () => this.#beat());
  }

  #expire(): void {
    const { pool, clock } = this.#parts;
    const now = monotonicNow(clock);
    for (const attempt of pool.held) {
      if (now >= attempt.leaseUntil) {
        pool.lose(attempt, "The lease couldn't be renewed in time. Another worker may run the job.");
      }
    }
  }

  #untilExpiry(): number {
    const { pool, clock } = this.#parts;
    let earliest = Number.POSITIVE_INFINITY;
    for (const attempt of pool.held) {
      if (attempt.phase !== "ended" && attempt.leaseUntil < earliest) earliest = attempt.leaseUntil;
    }
    return Math.max(1, earliest - monotonicNow(clock));
  }

  /** Makes one call at a time. When a beat is due meanwhile, the next call carries all held jobs. */
  async #deliver(attempts: Iterable<Attempt>): Promise<void> {
    while (this.#inFlight) await this.#inFlight;
    const { held } = this.#parts.pool;
    const current = this.#isBeatDue ? [...held] : [...attempts].filter((attempt) => held.has(attempt));
    this.#isBeatDue = false;
    for (const attempt of [...attempts, ...current]) this.#dirty.delete(attempt);
    if (current.length === 0 || this.#isStopped) return;
    this.#inFlight = this.#extend(current).finally(() => {
      this.#inFlight = undefined;
    });
    await this.#inFlight;
  }

  async #extend(attempts: readonly Attempt[]): Promise<void> {
    const { engine, clock, lease, pool, failureLog, deadline } = this.#parts;
    const startedAt = monotonicNow(clock);
    this.#lastReport = startedAt;
    const leases = attempts.map((attempt) => attempt.takeHeartbeat());
    try {
      const replies = await deadline.limit(engine.core.extend({ leases, lease }), this.#timeout);
      failureLog.succeeded(OPERATION);
      attempts.forEach((attempt, index) => {
        const { status, reason } = replies[index]!;
        if (status === "lost") pool.lose(attempt, "Another claim, or none, holds the job now.");
        else attempt.leaseUntil = startedAt + lease;
        if (status === "cancelling") attempt.cancel(reason || DEFAULT_CANCEL_REASON);
      });
    } catch (error) {
      attempts.forEach((attempt, index) => {
        attempt.restoreHeartbeat(leases[index]!);
      });
      if (!this.#isStopped) this.#retryBeat(failureLog.failed(OPERATION, error));
    }
  }

  /** The less time is left, the sooner; and once at the end of the lease, to notice that it is lost. */
  #retryBeat(pause: number): void {
    const left = this.#untilExpiry();
    this.#cancelBeatTimer?.();
    this.#cancelBeatTimer = this.#parts.clock.after(
      Math.min(pause, left > MIN_RETRY_TIME ? Math.floor(left / 2) : left),
      () => this.#beat(),
    );
  }
}
