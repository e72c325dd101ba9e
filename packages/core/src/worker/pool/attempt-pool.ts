import type { ClaimedJob } from "../../engine/core.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { type Clock, monotonicNow } from "../../timing/clock.ts";
import { Attempt } from "../attempt/attempt.ts";
import { type AttemptEnd, letsFollowerStart, released } from "../attempt/attempt-end.ts";
import type { WorkerCounters } from "../worker-counters.ts";
import { AttemptBuffer } from "./attempt-buffer.ts";
import type { PendingEnds } from "./pending-ends.ts";
import type { Prefetch } from "./prefetch.ts";

export interface AttemptPoolParts {
  readonly clock: Clock;
  readonly concurrency: number;
  readonly prefetch: Prefetch;
  readonly counters: WorkerCounters;
  readonly ends: PendingEnds;
}

/** Jobs of one ordering key to claim together: when all jobs share a key, a call still moves this many. */
const MAX_RUN = 100;
/**
 * Jobs that make a call worth its while. A larger one costs hardly less per job, and arrives late: Redis sends 64 KB
 * of a reply, then turns to the next call before it sends the rest.
 */
const MAX_BATCH = 128;

/**
 * All attempts of a worker: running ones up to its concurrency, and a buffer of the next ones. Those that end are
 * added to the pending ends.
 */
export class AttemptPool {
  readonly #parts: AttemptPoolParts;
  /** Everything under a lease of this worker: buffered, running, or ended and not yet settled. */
  readonly #held = new Set<Attempt>();
  readonly #running = new Set<Attempt>();
  readonly #buffer = new AttemptBuffer();
  /** How many jobs the calls in flight claim. */
  #expected = 0;
  #lastStart = 0;
  #isStopping = false;

  constructor(parts: AttemptPoolParts) {
    this.#parts = parts;
  }

  get held(): ReadonlySet<Attempt> {
    return this.#held;
  }

  /** Those whose handlers run, the longest running first. */
  get runningAttempts(): ReadonlySet<Attempt> {
    return this.#running;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Whether nothing is held, and no handler runs. */
  get isEmpty(): boolean {
    return this.#held.size === 0 && this.#running.size === 0;
  }

  /** How many are claimed and haven't started. */
  get buffered(): number {
    return this.#buffer.size;
  }

  /**
   * How many more jobs to claim: as many as there are free slots, and beyond that no more than a batch, so that the
   * engine hands out some while the handlers work through others. Jobs that are being claimed count as held.
   */
  get room(): number {
    if (this.#isStopping) return 0;
    const free = Math.max(0, this.#parts.concurrency - this.#taken);
    return Math.min(free + this.#spare, Math.max(free, this.batch));
  }

  /** How many jobs a call should move: half of all that may be held, up to a bound. */
  get batch(): number {
    const { concurrency, prefetch } = this.#parts;
    return Math.min(MAX_BATCH, Math.ceil((concurrency + prefetch.size) / 2));
  }

  /** How many jobs of one ordering key to claim together. Followers are held ready, they don't fill slots. */
  get run(): number {
    return Math.min(MAX_RUN, 1 + this.#spare);
  }

  /** How many slots are filled, or going to be. */
  get #taken(): number {
    return this.#running.size + this.#buffer.ready + this.#expected;
  }

  /** How many more to hold ready, beyond those that fill the slots. */
  get #spare(): number {
    const { concurrency, prefetch } = this.#parts;
    const beyondSlots = Math.max(0, this.#taken - concurrency);
    return Math.max(0, prefetch.size - beyondSlots - this.#buffer.followers);
  }

  /** Counts the jobs that a call claims, and, with a negative number, that it claims no longer. */
  expect(jobs: number): void {
    this.#expected += jobs;
  }

  /** Adds claimed jobs to the buffer. `leaseUntil` is on the monotonic clock. */
  hold(jobs: readonly ClaimedJob[], leaseUntil: number): void {
    let ahead: Attempt | undefined;
    for (const job of jobs) {
      const attempt = new Attempt(job, leaseUntil);
      this.#held.add(attempt);
      if (this.#isStopping) this.#release(attempt);
      else if (ahead && job.follows === ahead.job.id) this.#buffer.addFollower(ahead, attempt);
      else this.#buffer.push(attempt);
      ahead = attempt;
    }
  }

  /** The next attempt to start, which has its slot from now on; none when all slots are taken or nothing is ready. */
  takeNext(): Attempt | undefined {
    while (this.#running.size < this.#parts.concurrency) {
      const attempt = this.#buffer.shift();
      if (!attempt) return undefined;
      const now = monotonicNow(this.#parts.clock);
      if (now >= attempt.leaseUntil) this.lose(attempt, "The lease was over before the job began.");
      if (attempt.isLost) continue;
      attempt.startedAt = now;
      this.#lastStart = now;
      this.#running.add(attempt);
      return attempt;
    }
    return undefined;
  }

  /** Ends a started attempt: its slot is free for the next. */
  finish(attempt: Attempt, end: AttemptEnd): void {
    this.#running.delete(attempt);
    if (attempt.hasRun) {
      this.#parts.prefetch.record(monotonicNow(this.#parts.clock) - attempt.startedAt);
    }
    // The engine may still make the follower of a cancelled job active, so it must know that this worker
    // won't run it. Releases are sent first.
    if (!letsFollowerStart(attempt, end)) this.#releaseFollowers(attempt);
    this.#parts.ends.add(attempt, end);
    this.#buffer.advanceFollower(attempt);
  }

  /** The engine knows the attempt's end, or won't take it any more. */
  forget(attempt: Attempt): void {
    this.#held.delete(attempt);
  }

  /** The engine may have given the job to another worker. A running handler keeps its slot until it stops. */
  lose(attempt: Attempt, why: string): void {
    if (attempt.isLost || attempt.phase === "ended") return;
    attempt.isLost = true;
    this.#parts.counters.lost++;
    this.#held.delete(attempt);
    this.#releaseFollowers(attempt);
    attempt.abort(new QueueError("LEASE_LOST", why));
  }

  /** Stops the attempts of these jobs; those that haven't started won't call their handlers. */
  cancel(ids: readonly string[], reason: string): void {
    const cancelled = new Set(ids);
    for (const attempt of this.#held) if (cancelled.has(attempt.job.id)) attempt.cancel(reason);
  }

  /** Releases what hasn't started of these queues: they are paused. */
  releaseQueues(queues: readonly string[]): void {
    const isPaused = ({ job }: Attempt) => queues.includes(job.queue);
    for (const attempt of this.#running) if (isPaused(attempt)) this.#releaseFollowers(attempt);
    this.#releaseBuffered(isPaused);
  }

  /** Since when something that hasn't started waits, at the longest; infinite when nothing does. */
  get waitingSince(): number {
    let oldest = this.#buffer.ready > 0 ? this.#lastStart : Number.POSITIVE_INFINITY;
    for (const { next, startedAt } of this.#running) if (next && startedAt < oldest) oldest = startedAt;
    return oldest;
  }

  /** Releases what has waited since `instant` for a free slot, or for the attempt ahead of it. */
  releaseWaiting(instant: number): void {
    const slow = [...this.#running].filter(({ next, startedAt }) => next && startedAt <= instant);
    const isStuck = this.#buffer.ready > 0 && this.#lastStart <= instant;
    if (slow.length > 0 || isStuck) this.#parts.prefetch.suspend();
    for (const attempt of slow) this.#releaseFollowers(attempt);
    if (isStuck) this.#releaseBuffered(() => true);
  }

  /** Releases what hasn't started, and all that is claimed from now on. */
  stop(): void {
    this.#isStopping = true;
    for (const attempt of this.#running) this.#releaseFollowers(attempt);
    this.#releaseBuffered(() => true);
  }

  abortRunning(reason: QueueError): void {
    for (const attempt of this.#running) attempt.abort(reason);
  }

  /** Releases what still runs. However its handlers end, it counts for nothing. */
  abandonRunning(): void {
    for (const attempt of [...this.#running]) {
      attempt.end();
      this.finish(attempt, released(attempt));
    }
  }

  #releaseBuffered(isReleased: (attempt: Attempt) => boolean): void {
    for (const attempt of this.#buffer.remove(isReleased)) {
      this.#release(attempt);
      this.#releaseFollowers(attempt);
    }
  }

  #releaseFollowers(attempt: Attempt): void {
    if (!attempt.next) return;
    for (const follower of this.#buffer.removeFollowers(attempt)) this.#release(follower);
  }

  #release(attempt: Attempt): void {
    attempt.end();
    if (!attempt.isLost) this.#parts.ends.add(attempt, released(attempt));
  }
}
