import { Deque } from "./deque.ts";
import { Heap } from "./heap.ts";
import type { StoredJob } from "./stored-job.ts";

/** Jobs of one priority. Fresh ones arrive in send order; late ones (retried, due, let go) anywhere in it. */
interface Level {
  readonly priority: number;
  readonly fresh: Deque<StoredJob>;
  readonly late: Heap<StoredJob>;
}

/**
 * The runnable jobs of one lane, by priority and then send order. A push in send order costs constant
 * time, so that a job costs the same with a million waiting as with ten.
 *
 * A job that stops being `queued` stays inside as a ghost and is skipped when its turn comes. It can't
 * come out twice: its place depends on its sequence alone, and the first time makes it active.
 */
export class ReadyQueue {
  /** Sorted by priority; nearly always one. */
  readonly #levels: Level[] = [];
  #size = 0;
  #ghosts = 0;
  #newest = -1;

  get isEmpty(): boolean {
    return this.#size === this.#ghosts;
  }

  push(job: StoredJob): void {
    const level = this.#level(job.spec.priority);
    if (job.sequence > this.#newest) {
      this.#newest = job.sequence;
      level.fresh.push(job);
    } else level.late.push(job);
    this.#size++;
  }

  /** The next job. Ghosts before it are dropped. */
  get first(): StoredJob | undefined {
    const source = this.#source();
    return source?.first;
  }

  shift(): StoredJob | undefined {
    const source = this.#source();
    if (!source) return undefined;
    this.#size--;
    return source instanceof Heap ? source.pop() : source.shift();
  }

  /** A job inside has just stopped being `queued`. Once ghosts are the majority, they are swept out. */
  forget(): void {
    this.#ghosts++;
    if (this.#ghosts < 1_024 || this.#ghosts * 2 < this.#size) return;
    const seen = new Set<StoredJob>();
    const keep = (job: StoredJob) => job.state === "queued" && !seen.has(job) && seen.add(job) !== undefined;
    this.#size = 0;
    for (const { fresh, late } of this.#levels) {
      fresh.keepOnly(keep);
      late.keepOnly(keep);
      this.#size += fresh.length + late.size;
    }
    this.#ghosts = 0;
  }

  /** The first of the jobs that came in send order, and of the others, of each priority. */
  *heads(): Iterable<StoredJob> {
    for (const { fresh, late } of this.#levels) {
      for (const source of [fresh, late]) {
        this.#dropGhosts(source);
        if (source.first) yield source.first;
      }
    }
  }

  #dropGhosts(source: Deque<StoredJob> | Heap<StoredJob>): void {
    while (source.first && source.first.state !== "queued") {
      if (source instanceof Heap) source.pop();
      else source.shift();
      this.#size--;
      this.#ghosts--;
    }
  }

  /** Where the next job stands first. */
  #source(): Deque<StoredJob> | Heap<StoredJob> | undefined {
    for (const { fresh, late } of this.#levels) {
      while (fresh.first || late.first) {
        const isLate = late.first && !(fresh.first && fresh.first.sequence < late.first.sequence);
        const source = isLate ? late : fresh;
        if (source.first!.state === "queued") return source;
        if (isLate) late.pop();
        else fresh.shift();
        this.#size--;
        this.#ghosts--;
      }
    }
    return undefined;
  }

  #level(priority: number): Level {
    let index = 0;
    while (index < this.#levels.length && this.#levels[index]!.priority < priority) index++;
    const found = this.#levels[index];
    if (found?.priority === priority) return found;
    const level = { priority, fresh: new Deque<StoredJob>(), late: new Heap<StoredJob>(bySequence) };
    this.#levels.splice(index, 0, level);
    return level;
  }
}

function bySequence(a: StoredJob, b: StoredJob): boolean {
  return a.sequence < b.sequence;
}
