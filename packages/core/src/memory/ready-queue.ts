import { Deque } from "./deque.ts";
import { Heap } from "./heap.ts";
import type { StoredJob } from "./stored-job.ts";

/** Jobs of one priority. Fresh ones arrive in send order; late ones (retried, due, let go) anywhere in it. */
interface Lane {
  readonly priority: number;
  readonly fresh: Deque<StoredJob>;
  readonly late: Heap<StoredJob>;
}

/**
 * The runnable jobs of one queue, by priority and then send order. A push in send order costs constant
 * time, so that a job costs the same with a million waiting as with ten.
 *
 * A job that stops being `queued` stays inside as a ghost and is skipped when its turn comes. It can't
 * come out twice: its place depends on its sequence alone, and the first time makes it active.
 */
export class ReadyQueue {
  /** Sorted by priority; nearly always one. */
  readonly #lanes: Lane[] = [];
  #size = 0;
  #ghosts = 0;
  #newest = -1;

  get isEmpty(): boolean {
    return this.#size === this.#ghosts;
  }

  push(job: StoredJob): void {
    const lane = this.#lane(job.spec.priority);
    if (job.sequence > this.#newest) {
      this.#newest = job.sequence;
      lane.fresh.push(job);
    } else lane.late.push(job);
    this.#size++;
  }

  shift(): StoredJob | undefined {
    for (const { fresh, late } of this.#lanes) {
      while (fresh.first || late.first) {
        const isLate = late.first && !(fresh.first && fresh.first.sequence < late.first.sequence);
        const job = isLate ? late.pop()! : fresh.shift()!;
        this.#size--;
        if (job.state === "queued") return job;
        this.#ghosts--;
      }
    }
    return undefined;
  }

  /** A job inside has just stopped being `queued`. Once ghosts are the majority, they are swept out. */
  forget(): void {
    this.#ghosts++;
    if (this.#ghosts < 1_024 || this.#ghosts * 2 < this.#size) return;
    const seen = new Set<StoredJob>();
    const keep = (job: StoredJob) => job.state === "queued" && !seen.has(job) && seen.add(job) !== undefined;
    this.#size = 0;
    for (const { fresh, late } of this.#lanes) {
      fresh.keepOnly(keep);
      late.keepOnly(keep);
      this.#size += fresh.length + late.size;
    }
    this.#ghosts = 0;
  }

  #lane(priority: number): Lane {
    let index = 0;
    while (index < this.#lanes.length && this.#lanes[index]!.priority < priority) index++;
    const found = this.#lanes[index];
    if (found?.priority === priority) return found;
    const lane = { priority, fresh: new Deque<StoredJob>(), late: new Heap<StoredJob>(bySequence) };
    this.#lanes.splice(index, 0, lane);
    return lane;
  }
}

function bySequence(a: StoredJob, b: StoredJob): boolean {
  return a.sequence < b.sequence;
}
