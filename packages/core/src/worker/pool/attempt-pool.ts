import type { ClaimedJob } from "../../engine/core.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { type Clock, monotonicNow } from "../../timing/clock.ts";
import { nextTurn } from "../../timing/next-turn.ts";
import { Attempt } from "../attempt/attempt.ts";
import { type AttemptEnd, passesTurn, released } from "../attempt/attempt-end.ts";
import type { WorkerCounters } from "../worker-counters.ts";
import type { Prefetch } from "./prefetch.ts";

export interface AttemptPoolParts {
  readonly clock: Clock;
  readonly concurrency: number;
  readonly prefetch: Prefetch;
  readonly counters: WorkerCounters;
  /** Begins an attempt. It comes back through `ended`. */
  readonly start: (attempt: Attempt) => void;
  /** An attempt is over, and its end is to be told to the engine. */
  readonly onEnd: (attempt: Attempt, end: AttemptEnd) => void;
}

/** Buffered jobs of which none began for so long are given back: another worker may be free. */
const BUFFER_PATIENCE = 250;
/** Jobs of one ordering key to claim together: one call then moves so many of a key that everybody uses. */
const LONGEST_RUN = 100;
/**
 * Jobs that make a call worth its while. A larger one costs hardly less a job, and comes late: Redis sends 64 KB of an
 * answer, then goes on to the next call before it sends the rest.
 */
const GOOD_CALL = 128;
/** Begun attempts that may stay at the front of the buffer: copying the rest must be worth it. */
const KEPT_STARTED = 1_024;
/** Attempts that begin before the event loop goes round: with handlers that don't wait, all else would. */
const SLICE = 256;

/**
 * All that a worker holds: running attempts up to its concurrency, a buffer of the next ones, and what follows
 * each of them in its run. A follower begins in the slot of the one ahead, as soon as that has ended.
 */
export class AttemptPool {
  readonly #parts: AttemptPoolParts;
  /** Everything under a lease of ours: buffered, running, or ended and not yet settled. */
  readonly #held = new Set<Attempt>();
  readonly #running = new Set<Attempt>();
  #buffer: Attempt[] = [];
  #next = 0;
  /** How many follow another one, and can't begin before it has ended. */
  #followers = 0;
  /** How many are being claimed. */
  #expected = 0;
  #lastStart = 0;
  #cancelBufferTimer: (() => void) | undefined;
  #isFilling = false;
  /** Attempts that may begin in this slice. */
  #slice = SLICE;
  #isStopping = false;

  constructor(parts: AttemptPoolParts) {
    this.#parts = parts;
  }

  get held(): ReadonlySet<Attempt> {
    return this.#held;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Whether nothing is held, and no handler runs. */
  get isEmpty(): boolean {
    return this.#held.size === 0 && this.#running.size === 0;
  }

  /** Claimed and not begun. */
  get buffered(): number {
    return this.#ready + this.#followers;
  }

  /**
   * How many more jobs to claim: as many as there are free slots, beyond that no more than a portion, so that
   * the engine hands out some while the handlers work through others. What is being claimed counts as held.
   */
  get room(): number {
    if (this.#isStopping) return 0;
    const free = Math.max(0, this.#parts.concurrency - this.#taken);
    return Math.min(free + this.#spare, Math.max(free, this.portion));
  }

  /** Half of all that may be held, or what a good call moves if that is less. */
  get portion(): number {
    const { concurrency, prefetch } = this.#parts;
    return Math.min(GOOD_CALL, Math.ceil((concurrency + prefetch.size) / 2));
  }

  /** How many jobs of one ordering key to claim together. Followers are held ready, they don't fill slots. */
  get run(): number {
    return Math.min(LONGEST_RUN, 1 + this.#spare);
  }

  /** Buffered jobs that need nothing but a slot. */
  get #ready(): number {
    return this.#buffer.length - this.#next;
  }

  /** What fills slots, or is going to. */
  get #taken(): number {
    return this.#running.size + this.#ready + this.#expected;
  }

  /** How many more to hold ready, beyond those that fill the slots. */
  get #spare(): number {
    const { concurrency, prefetch } = this.#parts;
    const beyondSlots = Math.max(0, this.#taken - concurrency);
    return Math.max(0, prefetch.size - beyondSlots - this.#followers);
  }

  /** A call for so many more is under way, or, with a negative number, is over. */
  expect(jobs: number): void {
    this.#expected += jobs;
  }

  /** Takes claimed jobs in: `begin` begins them. `leaseUntil` is on the monotonic clock. */
  hold(jobs: readonly ClaimedJob[], leaseUntil: number): void {
    let ahead: Attempt | undefined;
    for (const job of jobs) {
      const attempt = new Attempt(job, leaseUntil);
      this.#held.add(attempt);
      if (this.#isStopping) this.#giveBack(attempt);
      else if (ahead && job.follows === ahead.job.id) {
        ahead.next = attempt;
        this.#followers++;
      } else this.#buffer.push(attempt);
      ahead = attempt;
    }
  }

  /** Begins as many as there are slots for. */
  begin(): void {
    this.#fill();
    if (this.buffered > 0 && !this.#cancelBufferTimer) this.#watchBuffer(BUFFER_PATIENCE);
  }

  /** A started attempt is over: its slot is free for the next. */
  ended(attempt: Attempt, end: AttemptEnd): void {
    this.#running.delete(attempt);
    if (attempt.hasRun) {
      this.#parts.prefetch.record(monotonicNow(this.#parts.clock) - attempt.startedAt);
    }
    // Of a job that was told to stop, the engine may let the next one begin all the same: it must hear that
    // this worker won't run it. Releases are told first.
    if (!passesTurn(attempt, end)) this.#breakRun(attempt);
    this.#parts.onEnd(attempt, end);
    if (attempt.next) this.#follow(attempt, attempt.next);
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
    this.#parts.counters.lost++;
    this.#held.delete(attempt);
    this.#breakRun(attempt);
    attempt.abort(new QueueError("LEASE_LOST", why));
  }

  /** Attempts of these jobs are to stop; those not begun won't begin. */
  cancel(ids: readonly string[], reason: string): void {
    const wanted = new Set(ids);
    for (const attempt of this.#held) if (wanted.has(attempt.job.id)) attempt.cancel(reason);
  }

  /** Gives back what hasn't begun of these queues: they are paused. */
  releaseQueues(queues: readonly string[]): void {
    const isPaused = ({ job }: Attempt) => queues.includes(job.queue);
    for (const attempt of this.#running) if (isPaused(attempt)) this.#breakRun(attempt);
    this.#releaseWaiting(isPaused);
  }

  /** From now on nothing begins, and what hasn't begun is given back. */
  stop(): void {
    this.#isStopping = true;
    for (const attempt of this.#running) this.#breakRun(attempt);
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
    while (
      this.#running.size < this.#parts.concurrency &&
      this.#next < this.#buffer.length &&
      this.#slice > 0
    ) {
      const attempt = this.#buffer[this.#next++]!;
      const now = monotonicNow(this.#parts.clock);
      if (now >= attempt.leaseUntil) this.lose(attempt, "The lease was over before the job began.");
      if (attempt.isLost) continue;
      attempt.startedAt = now;
      this.#lastStart = now;
      this.#running.add(attempt);
      if (--this.#slice === 0) nextTurn(() => this.#beginSlice());
      this.#parts.start(attempt);
    }
    // A buffer that is refilled before it is empty must let go, too, of what has begun.
    if (this.#next === this.#buffer.length || this.#next >= KEPT_STARTED) {
      this.#buffer = this.#buffer.slice(this.#next);
      this.#next = 0;
    }
    this.#isFilling = false;
  }

  #beginSlice(): void {
    this.#slice = SLICE;
    this.#fill();
  }

  /** The next of a run takes the place of the one ahead: before all that is buffered. */
  #follow(ahead: Attempt, next: Attempt): void {
    ahead.next = undefined;
    this.#followers--;
    if (this.#next > 0) this.#buffer[--this.#next] = next;
    else this.#buffer.unshift(next);
  }

  #watchBuffer(patience: number): void {
    const { clock } = this.#parts;
    this.#cancelBufferTimer = clock.after(patience, () => {
      this.#cancelBufferTimer = undefined;
      this.#releaseSince(monotonicNow(clock) - BUFFER_PATIENCE);
      if (this.buffered > 0) this.#watchBuffer(this.#oldestStart() + BUFFER_PATIENCE - monotonicNow(clock));
    });
  }

  /** Gives back what waits for slots that were all taken by then, or for one ahead that began by then. */
  #releaseSince(instant: number): void {
    const slow = [...this.#running].filter(({ next, startedAt }) => next && startedAt <= instant);
    const isStuck = this.#ready > 0 && this.#lastStart <= instant;
    if (slow.length > 0 || isStuck) this.#parts.prefetch.suspend();
    for (const attempt of slow) this.#breakRun(attempt);
    if (isStuck) this.#releaseBuffer();
  }

  /** Since when something that hasn't begun waits, at the longest. */
  #oldestStart(): number {
    let oldest = this.#ready > 0 ? this.#lastStart : Number.POSITIVE_INFINITY;
    for (const { next, startedAt } of this.#running) if (next && startedAt < oldest) oldest = startedAt;
    return oldest;
  }

  #releaseBuffer(): void {
    this.#cancelBufferTimer?.();
    this.#cancelBufferTimer = undefined;
    this.#releaseWaiting(() => true);
  }

  #releaseWaiting(isReleased: (attempt: Attempt) => boolean): void {
    const waiting = this.#buffer.slice(this.#next);
    this.#buffer = waiting.filter((attempt) => !isReleased(attempt));
    this.#next = 0;
    for (const attempt of waiting.filter(isReleased)) {
      this.#giveBack(attempt);
      this.#breakRun(attempt);
    }
  }

  /** Gives back what was to follow an attempt. */
  #breakRun(attempt: Attempt): void {
    let follower = attempt.next;
    attempt.next = undefined;
    while (follower) {
      const { next } = follower;
      follower.next = undefined;
      this.#followers--;
      this.#giveBack(follower);
      follower = next;
    }
  }

  #giveBack(attempt: Attempt): void {
    attempt.phase = "ended";
    if (!attempt.isLost) this.#parts.onEnd(attempt, released(attempt));
  }
}
