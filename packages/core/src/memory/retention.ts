import { Deque } from "./deque.ts";
import type { StoredJob } from "./stored-job.ts";

/** Jobs trimmed in passing by one ending: more than it adds, so a lowered bound is reached in time. */
const STEP = 4;

/** Finished jobs in the order they ended, per message type and kind of ending. */
export class Retention {
  readonly #completed = new Map<string, Deque<StoredJob>>();
  readonly #failed = new Map<string, Deque<StoredJob>>();
  readonly #remove: (job: StoredJob, now: number) => void;

  /** `remove` forgets a job that is past its bounds. */
  constructor(remove: (job: StoredJob, now: number) => void) {
    this.#remove = remove;
  }

  add(job: StoredJob, now: number): void {
    const kind = this.#kind(job);
    let deque = kind.get(job.messageType);
    if (!deque) {
      deque = new Deque();
      kind.set(job.messageType, deque);
    }
    deque.push(job);
    this.#trim(deque, now, STEP);
  }

  /** Takes a job out that is reopened or removed by hand. */
  drop(job: StoredJob): void {
    this.#kind(job).get(job.messageType)?.remove(job);
  }

  /** Removes up to `limit` jobs that are past their bounds. Answers how many. */
  trim(now: number, limit: number): number {
    let trimmed = 0;
    for (const kind of [this.#completed, this.#failed]) {
      for (const deque of kind.values()) trimmed += this.#trim(deque, now, limit - trimmed);
    }
    return trimmed;
  }

  /** When the next job is past its age. */
  get nextExpiry(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const kind of [this.#completed, this.#failed]) {
      for (const { first } of kind.values()) {
        if (first) next = Math.min(next, first.finishedAt! + boundOf(first).age);
      }
    }
    return next;
  }

  #trim(deque: Deque<StoredJob>, now: number, limit: number): number {
    let trimmed = 0;
    while (trimmed < limit) {
      const oldest = deque.first;
      if (!oldest) break;
      const { age, count } = boundOf(oldest);
      if (deque.length <= count && oldest.finishedAt! + age > now) break;
      deque.shift();
      this.#remove(oldest, now);
      trimmed++;
    }
    return trimmed;
  }

  #kind(job: StoredJob): Map<string, Deque<StoredJob>> {
    return job.state === "completed" ? this.#completed : this.#failed;
  }
}

function boundOf(job: StoredJob) {
  return job.state === "completed" ? job.spec.retain.completed : job.spec.retain.failed;
}
