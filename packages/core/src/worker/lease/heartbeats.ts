import type { Engine } from "../../engine/engine.ts";
import { facetOf } from "../../engine/facet.ts";
import { DEFAULT_CANCEL_REASON } from "../../queue/operate/operations.ts";
import { readJobError } from "../../queue/read/job-error.ts";
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

/** Progress and logs travel at most this often. */
export const REPORT_INTERVAL = 250;
/** With less time than this left on a lease, a failed renewal isn't tried again. */
const LAST_TRY = 200;
/** Longest to look for a cancellation's reason before the handler is told without it. */
const CANCEL_REASON_TIMEOUT = 1_000;
const OPERATION = "renew its leases";

/**
 * Keeps the leases of all held jobs, in one call every third of a lease. Progress and logs ride along, and
 * its answers tell of lost leases and cancellations.
 */
export class Heartbeats {
  readonly #parts: HeartbeatParts;
  readonly #interval: number;
  readonly #timeout: number;
  readonly #dirty = new Set<Attempt>();
  #underway: Promise<void> | undefined;
  #cancelBeat: (() => void) | undefined;
  #cancelReport: (() => void) | undefined;
  #isReportDue = false;
  /** The next call carries all held jobs. */
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
    if (this.#cancelBeat || this.#isStopped) return;
    this.#cancelBeat = this.#parts.clock.after(this.#interval, () => this.#beat());
  }

  /** The attempt has progress or logs to deliver: soon, together with others. */
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
    else this.#cancelReport = this.#parts.clock.after(wait, deliver);
  }

  /** Resolves once what these attempts reported has reached the engine, or can't. */
  async flush(attempts: readonly Attempt[]): Promise<void> {
    await this.#underway;
    const dirty = attempts.filter((attempt) => attempt.isDirty);
    if (dirty.length > 0) await this.#deliver(dirty);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelBeat?.();
    this.#cancelReport?.();
  }

  #beat(): void {
    this.#cancelBeat = undefined;
    const { pool, clock } = this.#parts;
    this.#expire();
    if (pool.held.size === 0 || this.#isStopped) return;
    this.#isBeatDue = true;
    void this.#deliver([]);
    // Should renewals fail, or hang, the leases' ends must still be noticed in time.
    this.#cancelBeat = clock.after(Math.min(this.#interval, this.#untilExpiry()), () => this.#beat());
  }

  #expire(): void {
    const { pool, clock } = this.#parts;
    const now = monotonicNow(clock);
    for (const attempt of pool.held) {
      if (now >= attempt.leaseUntil) {
        pool.lose(attempt, "The lease couldn't be renewed in time; another worker may run the job.");
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

  /** One call at a time. A beat that falls due meanwhile makes the next one carry all. */
  async #deliver(attempts: Iterable<Attempt>): Promise<void> {
    while (this.#underway) await this.#underway;
    const { held } = this.#parts.pool;
    const current = this.#isBeatDue ? [...held] : [...attempts].filter((attempt) => held.has(attempt));
    this.#isBeatDue = false;
    for (const attempt of [...attempts, ...current]) this.#dirty.delete(attempt);
    if (current.length === 0 || this.#isStopped) return;
    this.#underway = this.#extend(current).finally(() => {
      this.#underway = undefined;
    });
    await this.#underway;
  }

  async #extend(attempts: readonly Attempt[]): Promise<void> {
    const { engine, clock, lease, pool, failureLog, deadline } = this.#parts;
    const startedAt = monotonicNow(clock);
    this.#lastReport = startedAt;
    const leases = attempts.map((attempt) => attempt.takeHeartbeat());
    try {
      const statuses = await deadline.limit(engine.core.extend({ leases, lease }), this.#timeout);
      failureLog.succeeded(OPERATION);
      attempts.forEach((attempt, index) => {
        const status = statuses[index];
        if (status === "lost") pool.lose(attempt, "Another claim, or none, holds the job now.");
        else attempt.leaseUntil = startedAt + lease;
        if (status === "cancelling" && attempt.cancelReason === undefined) void this.#cancel(attempt);
      });
    } catch (error) {
      attempts.forEach((attempt, index) => {
        attempt.giveBackHeartbeat(leases[index]!);
      });
      if (!this.#isStopped) this.#retryBeat(failureLog.failed(OPERATION, error));
    }
  }

  /** Heartbeats tell that, the job's record tells why. */
  async #cancel(attempt: Attempt): Promise<void> {
    const { engine, deadline } = this.#parts;
    let reason = DEFAULT_CANCEL_REASON;
    try {
      const read = facetOf(engine, "inspect").get([attempt.job.id]);
      const [record] = await deadline.limit(read, CANCEL_REASON_TIMEOUT);
      if (record?.error !== undefined && record.cancelRequested) reason = readJobError(record.error).message;
    } catch {
      // The handler must stop all the same.
    }
    attempt.cancel(reason);
  }

  /** Sooner the less time is left, and once more when none is, to notice that. */
  #retryBeat(pause: number): void {
    const left = this.#untilExpiry();
    this.#cancelBeat?.();
    this.#cancelBeat = this.#parts.clock.after(
      Math.min(pause, left > LAST_TRY ? Math.floor(left / 2) : left),
      () => this.#beat(),
    );
  }
}
