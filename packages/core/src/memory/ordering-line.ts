import { isTerminal } from "../engine/state-machine.ts";
import { Deque } from "./deque.ts";
import type { StoredJob } from "./stored-job.ts";

/**
 * The unfinished jobs of one ordering key, in send order. Its head has the turn, and keeps it through
 * delays and retries until it ends; a failed head that holds its key keeps it until an operator acts.
 *
 * A job that ends while it waits stays in the line as a ghost, until the turn passes over it or a sweep.
 *
 * While the head is active, the next ones may be reserved for the same claim: their turns are given already.
 */
export class OrderingLine {
  readonly key: string;
  readonly #jobs = new Deque<StoredJob>();
  #head: StoredJob | undefined;
  /** In the order of their turns. */
  readonly #reserved: StoredJob[] = [];
  #ghosts = 0;

  constructor(key: string) {
    this.key = key;
  }

  get head(): StoredJob | undefined {
    return this.#head;
  }

  /** Puts a new job at the end. */
  append(job: StoredJob): void {
    this.#jobs.push(job);
    job.inLine = true;
    this.#head ??= job;
  }

  /** Reserves up to so many that wait for nothing but their turn and may run. Only right after a claim. */
  reserve(count: number, now: number, mayRun: (job: StoredJob) => boolean): readonly StoredJob[] {
    for (const job of this.#jobs) {
      if (this.#reserved.length >= count) break;
      if (job === this.#head || isTerminal(job.state!)) continue;
      if (job.isWaiting || job.runAt > now || !mayRun(job)) break;
      this.#reserved.push(job);
    }
    return this.#reserved.slice();
  }

  /** Ends the reservations of a job and of those behind it, or all if it is the head, and answers whose. */
  voidFrom(job: StoredJob): readonly StoredJob[] {
    return this.#reserved.splice(job === this.#head ? 0 : this.#reserved.indexOf(job));
  }

  /**
   * Puts a reopened job back at its old place. Unless a head has been let go already, the turn is then the
   * first one's; it is answered when that is neither this job nor the head from before.
   */
  reinsert(job: StoredJob): StoredJob | undefined {
    const before = this.#head;
    if (!job.inLine) {
      this.#jobs.insertBefore(job, (other) => other.sequence > job.sequence);
      job.inLine = true;
    } else if (job !== before) this.#ghosts--;
    if (before && before !== job && before.state !== "blocked") return undefined;
    this.#head = this.#firstUnfinished(job);
    return this.#head === job || this.#head === before ? undefined : this.#head;
  }

  /** A job inside has just ended without having had the turn. Once ghosts are the majority, they are swept out. */
  forget(): void {
    this.#ghosts++;
    if (this.#ghosts < 1_024 || this.#ghosts * 2 < this.#jobs.length) return;
    this.#jobs.keepOnly((job) => {
      job.inLine = job === this.#head || !isTerminal(job.state!);
      return job.inLine;
    });
    this.#ghosts = 0;
  }

  /** `reopened` counts as unfinished: its state is still that of its ending. */
  #firstUnfinished(reopened: StoredJob): StoredJob {
    for (const job of this.#jobs) if (job === reopened || !isTerminal(job.state!)) return job;
    return reopened;
  }

  /** Gives the turn to the next reserved job, else to the next unfinished one, and answers it. */
  advance(): StoredJob | undefined {
    const ended = this.#head;
    this.#head = undefined;
    if (ended && this.#jobs.first !== ended) {
      // Rare: what an operator retried stands before the head that just ended.
      this.#jobs.remove(ended);
      ended.inLine = false;
    }
    while (this.#jobs.first && isTerminal(this.#jobs.first.state!)) {
      const passed = this.#jobs.shift()!;
      passed.inLine = false;
      if (passed !== ended) this.#ghosts--;
    }
    this.#head = this.#reserved.shift() ?? this.#jobs.first;
    return this.#head;
  }
}
