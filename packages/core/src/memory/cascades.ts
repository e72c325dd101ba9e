import { EDGE_POINTS, MIN_DECIDED } from "../engine/step-budget.ts";
import type { StoredJob } from "./stored-job.ts";

/** A job that ended, and how far its dependents are decided. */
export class Cascade {
  readonly job: StoredJob;
  /** The place of the last dependent that is decided, and of the last one that is to be. */
  place = 0;
  last = Number.POSITIVE_INFINITY;
  readonly #edges: Iterator<[StoredJob, number]>;
  #next: [StoredJob, number] | undefined;

  constructor(job: StoredJob) {
    this.job = job;
    this.#edges = job.dependents!.entries();
  }

  /** The next dependent that waits, with its place. */
  peek(): readonly [StoredJob, number] | undefined {
    while (!this.#next || this.job.dependents!.get(this.#next[0]) !== this.#next[1]) {
      const { value, done } = this.#edges.next();
      if (done) return undefined;
      this.#next = value;
    }
    return this.#next[1] <= this.last ? this.#next : undefined;
  }

  take(): void {
    this.place = this.#next![1];
    this.#next = undefined;
  }

  /** Whether this dependent is left to a later step. */
  leaves(dependent: StoredJob): boolean {
    const place = this.job.dependents!.get(dependent);
    return place !== undefined && place > this.place && place <= this.last;
  }
}

/**
 * What jobs that ended leave to decide: each dependent that waits, in the order in which they began to. A step decides
 * so many; what is left is pending, and later steps go on with it, the earliest first.
 */
export class Cascades {
  readonly #decide: (dependent: StoredJob, job: StoredJob, now: number) => void;
  readonly #pointsOfStep: number;
  /** By id, in the order of ending. */
  readonly #pending = new Map<string, Cascade>();
  /** Of jobs that ended in this step. */
  #ended: Cascade[] = [];
  #points: number;

  constructor(points: number, decide: (dependent: StoredJob, job: StoredJob, now: number) => void) {
    this.#pointsOfStep = this.#points = points;
    this.#decide = decide;
  }

  beginStep(): void {
    this.#points = this.#pointsOfStep;
  }

  spend(points: number): void {
    this.#points -= points;
  }

  /** Whether this step has done as much as one may. */
  get isSpent(): boolean {
    return this.#points <= 0;
  }

  /** Whether dependents are left to later steps. */
  get isPending(): boolean {
    return this.#pending.size > 0;
  }

  /** The pending cascade of a job that ended. */
  get(id: string): Cascade | undefined {
    return this.#pending.get(id);
  }

  begin(job: StoredJob): void {
    if (job.dependents) this.#ended.push(new Cascade(job));
  }

  /** Dependents just go on waiting for a job that is reopened. */
  stop(id: string): void {
    this.#pending.delete(id);
  }

  /** Decides dependents, theirs, and so on: a list instead of recursion, for chains of any length. */
  propagate(now: number): void {
    let index = 0;
    while (index < this.#ended.length && !this.isSpent) {
      if (this.#goOn(this.#ended[index]!, now)) index++;
    }
    for (const cascade of this.#ended.slice(index)) {
      if (!cascade.peek()) continue;
      cascade.last = cascade.job.places;
      this.#pending.set(cascade.job.id, cascade);
    }
    this.#ended = [];
  }

  /** Goes on with what is pending, and with what ends by it. */
  goOn(now: number): void {
    for (const [id, cascade] of this.#pending) {
      if (this.isSpent) break;
      if (this.#goOn(cascade, now)) this.#pending.delete(id);
    }
    this.propagate(now);
  }

  /** Answers whether it has come to the end of them. */
  #goOn(cascade: Cascade, now: number): boolean {
    for (let decided = 0; ; decided++) {
      const next = cascade.peek();
      if (!next) return true;
      if (this.isSpent && decided >= MIN_DECIDED) return false;
      cascade.take();
      this.#points -= EDGE_POINTS;
      this.#decide(next[0], cascade.job, now);
    }
  }
}
