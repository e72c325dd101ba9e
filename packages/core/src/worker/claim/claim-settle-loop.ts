import type { AttemptOutcome, Release, SettleReply } from "../../engine/core.ts";
import { type Clock, monotonicNow } from "../../timing/clock.ts";
import { nextTurn } from "../../timing/next-turn.ts";
import type { Hooks } from "../attempt/hooks.ts";
import type { Executor } from "../execute/executor.ts";
import type { FailureLog } from "../failure-log.ts";
import type { Heartbeats } from "../lease/heartbeats.ts";
import type { Maintenance } from "../maintenance.ts";
import type { AttemptPool } from "../pool/attempt-pool.ts";
import type { BufferWatch } from "../pool/buffer-watch.ts";
import type { PendingEnd, PendingEnds } from "../pool/pending-ends.ts";
import type { RestWaiters } from "../rest-waiters.ts";
import type { WorkerCounters } from "../worker-counters.ts";
import type { EngineCalls } from "./engine-calls.ts";
import type { WorkWaiter } from "./work-waiter.ts";

export interface ClaimSettleLoopParts {
  readonly calls: EngineCalls;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly lease: number;
  readonly pool: AttemptPool;
  readonly ends: PendingEnds;
  readonly bufferWatch: BufferWatch;
  readonly executor: Executor;
  readonly heartbeats: Heartbeats;
  readonly workWaiter: WorkWaiter;
  readonly maintenance: Maintenance;
  readonly restWaiters: RestWaiters;
  readonly failureLog: FailureLog;
  readonly counters: WorkerCounters;
  readonly hooks: Hooks;
}

const OPERATION = "settle and claim jobs";
/** Calls at the same time: one that the engine works on, one that it takes next, and those that are on their way. */
const MAX_IN_FLIGHT = 4;

/**
 * Settles and claims: each turn of the loop sends all outcomes since the last turn, and claims as many jobs as there
 * is room for, in one call. While a call is in flight the next one's batch gathers: the slower the engine, the larger
 * the batches. While there is more to claim, the next call is sent before the jobs of the last one start, and further
 * ones before that is answered, so that the engine and the handlers work side by side.
 */
export class ClaimSettleLoop {
  readonly #parts: ClaimSettleLoopParts;
  readonly #onWork = () => this.wake();
  /** Whether to claim even when there is nothing to settle. */
  #mayHaveWork = true;
  /** Whether the last claim got all it asked for. */
  #wasFull = false;
  #isScheduled = false;
  #inFlight = 0;
  #lastClaim: number | undefined;
  #cancelRetry: (() => void) | undefined;
  #isStopped = false;

  constructor(parts: ClaimSettleLoopParts) {
    this.#parts = parts;
    parts.ends.onAdd(() => (this.#isStopped ? this.#discardEnds() : this.#schedule()));
  }

  /** Whether nothing runs or waits to run, and the engine knows all ends. */
  get isAtRest(): boolean {
    const { pool, ends } = this.#parts;
    return (
      this.#inFlight === 0 && !this.#isScheduled && ends.isEmpty && pool.running === 0 && pool.buffered === 0
    );
  }

  /** When the engine last answered a claim, on the clock. */
  get lastClaim(): number | undefined {
    return this.#lastClaim;
  }

  /** There may be work: claims even when there is nothing to settle, and at once where no call is under way. */
  wake(): void {
    this.#mayHaveWork = true;
    if (this.#inFlight > 0 || this.#isScheduled || this.#cancelRetry || this.#isStopped) this.#schedule();
    else void this.#turn();
  }

  /** Sends nothing more. Ends that the engine doesn't know are discarded. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#discardEnds();
  }

  /** After the rest of this event-loop turn, so that all that ends in it shares the call. */
  #schedule(): void {
    if (this.#isScheduled || this.#cancelRetry || !this.#mayTurn) return;
    this.#isScheduled = true;
    nextTurn(() => {
      this.#isScheduled = false;
      void this.#turn();
    });
  }

  /** A call beside others must be worth it: settle half of a batch, or claim a whole one. */
  get #mayTurn(): boolean {
    if (this.#isStopped) return false;
    if (this.#inFlight === 0) return true;
    if (this.#inFlight === MAX_IN_FLIGHT) return false;
    const { pool, ends } = this.#parts;
    if (ends.outcomes < pool.batch / 2 && !(this.#wasFull && pool.room >= pool.batch)) return false;
    return ends.maySend;
  }

  async #turn(): Promise<void> {
    if (!this.#mayTurn) return;
    const { calls, clock, lease, pool, ends, executor, failureLog, hooks } = this.#parts;
    const { room: limit, run } = pool;
    if (ends.isEmpty && !(this.#mayHaveWork && limit > 0)) {
      this.#afterTurn();
      return;
    }
    const outcomes = ends.takeOutcomes();
    const releases = ends.takeReleases();
    this.#inFlight++;
    pool.expect(limit);
    try {
      // Without reports and releases the call below is in flight when this method returns: nothing starts before it.
      const reporters = outcomes.filter(({ attempt }) => attempt.hasReported);
      if (reporters.length > 0) await this.#deliverReports(reporters);
      if (releases.length > 0) await this.#release(releases);
      const startedAt = monotonicNow(clock);
      // The worker may have stopped while reports or releases were in flight.
      const limits = { limit: this.#isStopped ? 0 : limit, run };
      const { verdicts, claimed, paused, nextIn } = await calls.settle(
        outcomes.map(({ item }) => item),
        limits,
      );
      failureLog.succeeded(OPERATION);
      if (limit > 0) {
        this.#lastClaim = clock.now();
        this.#wasFull = claimed.length >= limit;
        this.#mayHaveWork = this.#wasFull || nextIn === 0;
        if (nextIn) this.#parts.maintenance.expect(nextIn);
      }
      this.#countSettled(outcomes, verdicts);
      this.#land(outcomes, limit);
      pool.hold(claimed, startedAt + lease);
      if (paused.length > 0) pool.releaseQueues(paused);
      if (claimed.length > 0) this.#onClaimed();
      this.#continue();
      // The engine has its next call by now, so that it works while the middleware does.
      hooks.settled(outcomes, verdicts);
      executor.fill();
      // Last: sending the call that waits for work takes longer than the start of a handler.
      this.#afterTurn();
      this.#parts.bufferWatch.start();
    } catch (error) {
      this.#land(outcomes, limit);
      ends.restoreOutcomes(this.#keepLeased(outcomes));
      this.#retryLater(error);
      this.#continue();
    }
  }

  #land(outcomes: readonly PendingEnd<AttemptOutcome>[], limit: number): void {
    this.#inFlight--;
    this.#parts.ends.land(outcomes);
    this.#parts.pool.expect(-limit);
  }

  #continue(): void {
    const { pool, ends } = this.#parts;
    while (this.#mayHaveWork && pool.room > 0 && !this.#cancelRetry && this.#mayTurn) void this.#turn();
    if (!ends.isEmpty) this.#schedule();
  }

  #onClaimed(): void {
    this.#parts.workWaiter.reset();
    this.#parts.heartbeats.start();
    this.#parts.maintenance.hasJobs();
  }

  #afterTurn(): void {
    const { pool, workWaiter, restWaiters } = this.#parts;
    if (!this.#mayHaveWork && pool.room > 0) workWaiter.wait(this.#onWork);
    if (this.isAtRest) restWaiters.resolve();
  }

  /** The last progress of a job must not arrive after its outcome. */
  #deliverReports(reporters: readonly PendingEnd<AttemptOutcome>[]): Promise<void> {
    return this.#parts.heartbeats.flush(reporters.map(({ attempt }) => attempt));
  }

  async #release(releases: readonly PendingEnd<Release>[]): Promise<void> {
    const { calls, clock, pool, ends, counters, hooks } = this.#parts;
    try {
      await calls.release(releases.map(({ item }) => item));
    } catch (error) {
      ends.restoreReleases(this.#keepLeased(releases));
      throw error;
    }
    for (const { attempt } of releases) pool.forget(attempt);
    counters.released += releases.length;
    // The engine doesn't say which releases were stale: those whose leases are over may have been.
    const now = monotonicNow(clock);
    hooks.released(releases.filter(({ attempt }) => now < attempt.leaseUntil));
  }

  #countSettled(outcomes: readonly PendingEnd<AttemptOutcome>[], verdicts: SettleReply["verdicts"]): void {
    const { pool, counters } = this.#parts;
    outcomes.forEach(({ attempt, item }, index) => {
      pool.forget(attempt);
      counters.settled(item.type, verdicts[index] === "accepted");
    });
  }

  /** Those whose leases still last: the engine won't take the others any more. */
  #keepLeased<Item>(pending: readonly PendingEnd<Item>[]): readonly PendingEnd<Item>[] {
    const { clock, pool, counters } = this.#parts;
    const now = monotonicNow(clock);
    return pending.filter(({ attempt }) => {
      if (!this.#isStopped && now < attempt.leaseUntil) return true;
      pool.forget(attempt);
      counters.lost++;
      return false;
    });
  }

  #retryLater(error: unknown): void {
    // Calls that were in flight together fail together: that is one failure, and one pause.
    if (this.#isStopped || this.#cancelRetry) return;
    const pause = this.#parts.failureLog.failed(OPERATION, error);
    // A closed engine stops the loop.
    if (this.#isStopped) return;
    this.#mayHaveWork = true;
    this.#cancelRetry = this.#parts.clock.after(pause, () => {
      this.#cancelRetry = undefined;
      this.#schedule();
    });
  }

  #discardEnds(): void {
    const { pool, ends, restWaiters } = this.#parts;
    for (const attempt of ends.clear()) pool.forget(attempt);
    if (this.isAtRest) restWaiters.resolve();
  }
}
