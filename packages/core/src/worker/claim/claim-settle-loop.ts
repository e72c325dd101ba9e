import type { AttemptOutcome, ClaimedJob, ClaimRequest, Release, SettleReply } from "../../engine/core.ts";
import type { Engine } from "../../engine/engine.ts";
import { type Clock, monotonicNow } from "../../timing/clock.ts";
import { type Deadline, ENGINE_TIMEOUT } from "../../timing/deadline.ts";
import { nextTurn } from "../../timing/next-turn.ts";
import type { Attempt } from "../attempt/attempt.ts";
import type { AttemptEnd } from "../attempt/attempt-end.ts";
import type { Hooks } from "../attempt/hooks.ts";
import type { FailureLog } from "../failure-log.ts";
import type { Heartbeats } from "../lease/heartbeats.ts";
import type { AttemptPool } from "../pool/attempt-pool.ts";
import type { WorkerCounters } from "../worker-counters.ts";
import type { QueueRotation } from "./queue-rotation.ts";

export interface ClaimSettleLoopParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly pool: AttemptPool;
  readonly heartbeats: Heartbeats;
  readonly failureLog: FailureLog;
  readonly deadline: Deadline;
  readonly queues: QueueRotation;
  /** Milliseconds. */
  readonly lease: number;
  readonly counters: WorkerCounters;
  readonly hooks: Hooks;
  /** A turn is over. */
  readonly onTurn: (turn: TurnReport) => void;
}

export interface TurnReport {
  readonly claimed: number;
  /** The last claim got all it asked for, so there may be more. */
  readonly isHungry: boolean;
}

interface Pending<Item> {
  readonly attempt: Attempt;
  readonly item: Item;
}

const OPERATION = "settle and claim jobs";
/** Turns at the same time: one that the engine works on, the next at its door, and those that are on a long way. */
const MOST_UNDERWAY = 4;

/**
 * The worker's traffic with its engine: each turn tells the engine of all attempts that ended since the last and
 * claims as many as there is room for, in one call. While a turn is under way the next one's batch gathers by
 * itself: the slower the engine, the larger the batches. And while there is more to be had the next call is sent
 * before what the last one claimed begins, and further ones before that is answered, so that the engine and the
 * handlers work side by side.
 */
export class ClaimSettleLoop {
  readonly #parts: ClaimSettleLoopParts;
  #outcomes: Pending<AttemptOutcome>[] = [];
  #releases: Pending<Release>[] = [];
  #isHungry = true;
  /** The last claim got all it asked for. */
  #hasMore = false;
  #isDue = false;
  #underway = 0;
  /** Jobs whose outcomes are under way. */
  readonly #telling = new Set<string>();
  /** A claim was answered after it had been given up, or after the stop: nothing of it will run here. */
  readonly #onLateClaim = (claimed: readonly ClaimedJob[]) => {
    if (claimed.length === 0) return;
    const releases = claimed.map(({ id, epoch, token }) => ({ id, epoch, token, delay: 0, bounce: false }));
    // Where this fails, the leases run out.
    this.#parts.engine.core.release(releases).catch(() => undefined);
  };
  readonly #onLateSettle = ({ claimed }: SettleReply) => this.#onLateClaim(claimed);
  #isStopped = false;
  #lastClaim: number | undefined;
  #cancelRetry: (() => void) | undefined;

  constructor(parts: ClaimSettleLoopParts) {
    this.#parts = parts;
  }

  /** Nothing under way and nothing to tell. */
  get isAtRest(): boolean {
    return this.#underway === 0 && !this.#isDue && this.#outcomes.length === 0 && this.#releases.length === 0;
  }

  /** When the engine last answered a claim, on the clock. */
  get lastClaim(): number | undefined {
    return this.#lastClaim;
  }

  add(attempt: Attempt, end: AttemptEnd): void {
    if (this.#isStopped) {
      this.#parts.pool.forget(attempt);
      this.#report(0);
      return;
    }
    if (end.kind === "settle") this.#outcomes.push({ attempt, item: end.outcome });
    else if (end.kind === "release") this.#releases.push({ attempt, item: end.release });
    this.#schedule();
  }

  /** There may be work: claim even if there is nothing to tell. */
  wake(): void {
    this.#isHungry = true;
    this.#schedule();
  }

  /** Gives up on whatever couldn't be told. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    for (const { attempt } of [...this.#outcomes, ...this.#releases]) this.#parts.pool.forget(attempt);
    this.#outcomes = [];
    this.#releases = [];
  }

  /** After the rest of this event-loop turn, whose endings then share the call. */
  #schedule(): void {
    if (this.#isDue || this.#cancelRetry || !this.#mayTurn) return;
    this.#isDue = true;
    nextTurn(() => {
      this.#isDue = false;
      void this.#turn();
    });
  }

  /**
   * A turn beside others must be worth a call of its own: end half of what a call moves, or claim all of it. And it
   * must not tell of a job before the one that it follows in a run, should that one's call fail or come late.
   */
  get #mayTurn(): boolean {
    if (this.#isStopped) return false;
    if (this.#underway === 0) return true;
    if (this.#underway === MOST_UNDERWAY) return false;
    const { portion, room } = this.#parts.pool;
    if (this.#outcomes.length < portion / 2 && !(this.#hasMore && room >= portion)) return false;
    return this.#outcomes.every(({ attempt: { job } }) => !job.follows || !this.#telling.has(job.follows));
  }

  async #turn(): Promise<void> {
    if (!this.#mayTurn) return;
    const { clock, pool, failureLog, counters, lease } = this.#parts;
    const outcomes = this.#outcomes;
    const releases = this.#releases;
    const { room: limit, run } = pool;
    if (outcomes.length === 0 && releases.length === 0 && !(this.#isHungry && limit > 0)) {
      this.#report(0);
      return;
    }
    this.#outcomes = [];
    this.#releases = [];
    this.#underway++;
    for (const { item } of outcomes) this.#telling.add(item.id);
    pool.expect(limit);
    try {
      // With neither, the call below is under way when this method answers: nothing has begun meanwhile.
      const reporters = outcomes.filter(({ attempt }) => attempt.hasReported);
      if (reporters.length > 0) await this.#deliverReports(reporters);
      if (releases.length > 0) await this.#release(releases);
      const startedAt = monotonicNow(clock);
      const { verdicts, claimed, paused } = await this.#settle(outcomes, limit, run);
      failureLog.succeeded(OPERATION);
      if (limit > 0) {
        this.#lastClaim = clock.now();
        this.#hasMore = claimed.length >= limit;
        this.#isHungry = this.#hasMore;
      }
      outcomes.forEach(({ attempt, item }, index) => {
        pool.forget(attempt);
        counters.settled(item.type, verdicts[index] === "accepted");
      });
      this.#told(outcomes, limit);
      pool.hold(claimed, startedAt + lease);
      if (paused.length > 0) pool.releaseQueues(paused);
      this.#report(claimed.length);
      this.#goOn();
      // The engine has its next call by now, so that it works while the middleware does.
      this.#tellSettled(outcomes, verdicts);
      pool.begin();
    } catch (error) {
      this.#told(outcomes, limit);
      this.#restore(outcomes);
      this.#retryLater(error);
      this.#goOn();
    }
  }

  #told(outcomes: readonly Pending<AttemptOutcome>[], limit: number): void {
    this.#underway--;
    for (const { item } of outcomes) this.#telling.delete(item.id);
    this.#parts.pool.expect(-limit);
  }

  #goOn(): void {
    const { pool } = this.#parts;
    while (this.#isHungry && pool.room > 0 && !this.#cancelRetry && this.#mayTurn) void this.#turn();
    if (this.#outcomes.length > 0 || this.#releases.length > 0) this.#schedule();
  }

  /** A last progress report must not come after its job's end. */
  #deliverReports(reporters: readonly Pending<AttemptOutcome>[]): Promise<void> {
    return this.#parts.heartbeats.flush(reporters.map(({ attempt }) => attempt));
  }

  async #release(releases: readonly Pending<Release>[]): Promise<void> {
    try {
      await this.#answer(this.#parts.engine.core.release(releases.map(({ item }) => item)));
    } catch (error) {
      this.#releases = [...this.#alive(releases), ...this.#releases];
      throw error;
    }
    for (const { attempt } of releases) this.#parts.pool.forget(attempt);
    this.#parts.counters.released += releases.length;
    this.#tellReleased(releases);
  }

  #tellSettled(
    outcomes: readonly Pending<AttemptOutcome>[],
    verdicts: readonly ("accepted" | "stale")[],
  ): void {
    const { hooks } = this.#parts;
    if (!hooks.hasSettled) return;
    outcomes.forEach(({ attempt, item }, index) => {
      if (verdicts[index] === "accepted") hooks.settled(attempt, item);
    });
  }

  /** An engine doesn't say which releases were stale: those of leases that are over may have been. */
  #tellReleased(releases: readonly Pending<Release>[]): void {
    const { hooks, clock } = this.#parts;
    if (!hooks.hasSettled) return;
    const now = monotonicNow(clock);
    for (const { attempt } of releases) if (now < attempt.leaseUntil) hooks.settled(attempt);
  }

  async #settle(
    outcomes: readonly Pending<AttemptOutcome>[],
    limit: number,
    run: number,
  ): Promise<SettleReply> {
    const { engine, queues, lease } = this.#parts;
    // The worker may have stopped while reports or releases were under way.
    const claim: ClaimRequest | undefined =
      limit > 0 && !this.#isStopped
        ? { queues: queues.next(), limit, lease, ...(run > 1 && { run }) }
        : undefined;
    if (outcomes.length > 0) {
      return this.#answer(
        engine.core.settle({ outcomes: outcomes.map(({ item }) => item), ...(claim && { claim }) }),
        this.#onLateSettle,
      );
    }
    const claimed = claim ? await this.#answer(engine.core.claim(claim), this.#onLateClaim) : [];
    return { verdicts: [], claimed, paused: [] };
  }

  /** What a claim answers after a lease's time is no longer ours. */
  #answer<T>(call: Promise<T>, onLate?: (answer: T) => void): Promise<T> {
    return this.#parts.deadline.limit(call, Math.min(this.#parts.lease, ENGINE_TIMEOUT), onLate);
  }

  #restore(outcomes: readonly Pending<AttemptOutcome>[]): void {
    this.#outcomes = [...this.#alive(outcomes), ...this.#outcomes];
  }

  /** An outcome is worth telling for as long as its lease lasts. */
  #alive<Item>(pending: readonly Pending<Item>[]): Pending<Item>[] {
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
    // Calls that were under way together fail together: that is one failure, and one pause.
    if (this.#isStopped || this.#cancelRetry) return;
    const pause = this.#parts.failureLog.failed(OPERATION, error);
    // It may have been told to stop on hearing that.
    if (this.#isStopped) return;
    this.#isHungry = true;
    this.#cancelRetry = this.#parts.clock.after(pause, () => {
      this.#cancelRetry = undefined;
      this.#schedule();
    });
  }

  #report(claimed: number): void {
    this.#parts.onTurn({ claimed, isHungry: this.#isHungry });
  }
}
