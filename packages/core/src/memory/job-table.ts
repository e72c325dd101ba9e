import type { Dependency, NewJob, RememberedEnding } from "../engine/job.ts";
import type { JobFilter } from "../engine/job-filter.ts";
import type { JobState, TerminalState } from "../engine/state-machine.ts";
import { Deque } from "./deque.ts";
import { matchesFilter } from "./job-matching.ts";
import { QueueState } from "./queue-state.ts";
import { StoredJob } from "./stored-job.ts";

export interface TombstoneLimits {
  /** Milliseconds. */
  readonly age: number;
  readonly count: number;
}

/**
 * What is left of a removed job, so that a later dependency still resolves, a late `wait` is answered, and a
 * repeated send isn't stored again. There may be many: jobs that are alike and go within a second share one.
 */
interface Tombstone extends RememberedEnding {
  /** In seconds since the table was made. */
  readonly expires: number;
}

/** All known jobs, by id and in send order, and their queues. */
export class JobTable {
  readonly queues = new Map<string, QueueState>();
  /** A tombstone takes its job's place: one table to look in, on a path that every send and run takes. */
  readonly #byId = new Map<string, StoredJob | Tombstone>();
  /** In send order, with ghosts of removed jobs until they are the majority. */
  #inOrder: StoredJob[] = [];
  /** The ids of tombstones, oldest first. */
  readonly #buried = new Deque<string>();
  /** Of the last job that was removed: the next one's is often the same. */
  #tombstone: Tombstone | undefined;
  readonly #limits: TombstoneLimits;
  readonly #start: number;
  #sequence = 0;

  constructor(tombstones: TombstoneLimits, now: number) {
    this.#limits = tombstones;
    this.#start = now;
  }

  /** The stored job; `undefined` for a tombstone too. */
  get(id: string): StoredJob | undefined {
    const known = this.#byId.get(id);
    return known instanceof StoredJob ? known : undefined;
  }

  /** How a removed job ended, while its tombstone remembers it. */
  remembered(id: string): RememberedEnding | undefined {
    const known = this.#byId.get(id);
    return known === undefined || known instanceof StoredJob
      ? undefined
      : { state: known.state, messageType: known.messageType };
  }

  isKnown(id: string): boolean {
    return this.#byId.has(id);
  }

  /** Also of a job that only its tombstone remembers. */
  messageOf(id: string): string | undefined {
    return this.#byId.get(id)?.messageType;
  }

  /** Also of a job that only its tombstone remembers. */
  stateOf(id: string): JobState | undefined {
    const known = this.#byId.get(id);
    // A job of the batch that is being admitted has no state yet; it hasn't ended, that's certain.
    return known && (known.state ?? "blocked");
  }

  add(spec: NewJob, dependsOn: readonly Dependency[], now: number): StoredJob {
    const job = new StoredJob(spec, dependsOn, this.queue(spec.queue), this.#sequence++, now);
    this.#byId.set(job.id, job);
    this.#inOrder.push(job);
    return job;
  }

  /** Leaves only a tombstone of a finished job. */
  bury(job: StoredJob, now: number): void {
    const state = job.state as TerminalState;
    this.#byId.set(job.id, this.#tombstoneOf(state, job.messageType, now));
    this.#buried.push(job.id);
    job.queue.counts[state]--;
    job.isDeleted = true;
    const stored = this.#byId.size - this.#buried.length;
    if (this.#inOrder.length > 1_024 && this.#inOrder.length > 2 * stored) {
      this.#inOrder = this.#inOrder.filter((other) => !other.isDeleted);
    }
  }

  /** Forgets the oldest beyond the count. At the end of a step: what it decides may rest on any of them. */
  evictTombstones(): void {
    while (this.#buried.length > this.#limits.count) this.#forgetOldest();
  }

  /** Forgets up to `limit` expired tombstones. Answers how many. */
  trimTombstones(now: number, limit: number): number {
    let trimmed = 0;
    while (trimmed < limit && this.#buried.first !== undefined) {
      const tombstone = this.#byId.get(this.#buried.first) as Tombstone;
      if (this.#start + tombstone.expires * 1_000 > now) break;
      this.#forgetOldest();
      trimmed++;
    }
    return trimmed;
  }

  queue(name: string): QueueState {
    let queue = this.queues.get(name);
    if (!queue) {
      queue = new QueueState(name);
      this.queues.set(name, queue);
    }
    return queue;
  }

  /** Matching jobs, newest first, from just before the job of sequence `before`. */
  *newestFirst(filter: JobFilter, before = Infinity): Iterable<StoredJob> {
    for (let index = this.#lastBefore(before); index >= 0; index--) {
      const job = this.#inOrder[index]!;
      if (!job.isDeleted && matchesFilter(job, filter)) yield job;
    }
  }

  /** Matching jobs, oldest first. */
  *oldestFirst(filter: JobFilter): Iterable<StoredJob> {
    for (const job of this.#inOrder) {
      if (!job.isDeleted && matchesFilter(job, filter)) yield job;
    }
  }

  #tombstoneOf(state: TerminalState, messageType: string, now: number): Tombstone {
    const expires = Math.ceil((now - this.#start + this.#limits.age) / 1_000);
    const last = this.#tombstone;
    if (last?.expires === expires && last.state === state && last.messageType === messageType) return last;
    this.#tombstone = { state, messageType, expires };
    return this.#tombstone;
  }

  #forgetOldest(): void {
    this.#byId.delete(this.#buried.shift()!);
  }

  #lastBefore(sequence: number): number {
    let low = 0;
    let high = this.#inOrder.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#inOrder[middle]!.sequence < sequence) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
