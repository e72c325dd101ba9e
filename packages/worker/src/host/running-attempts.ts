import type { AttemptInfo, HandlerContext, Middleware, RunNext } from "@org/queue";
import { inJob } from "../logs/job-context.ts";

/** Jobs that were given back and are remembered, for the line at the end. */
const MAX_RELEASED = 20;

/** An attempt whose handler runs. */
export interface RunningAttempt {
  readonly job: AttemptInfo;
  /** On the monotonic clock, in milliseconds. */
  readonly startedAt: number;
}

/** The attempts of this process whose handlers run, of all its workers. */
export class RunningAttempts implements Middleware {
  readonly #running = new Map<AttemptInfo, Running>();
  /** Those that ended since the last look at what ran. */
  #ended: RunningAttempt[] = [];
  #releasedIds: readonly string[] = [];
  readonly onEnd: ((attempt: RunningAttempt, milliseconds: number) => void)[] = [];

  /** The longest running first. */
  list(): readonly RunningAttempt[] {
    return [...this.#running.values()];
  }

  /** Those that have run since the last call, whether they still do or not. */
  takeRecent(): readonly RunningAttempt[] {
    const recent = [...this.#running.values(), ...this.#ended];
    this.#ended = [];
    return recent;
  }

  /** The jobs that were given back last, in this order, up to `MAX_RELEASED`. */
  get releasedIds(): readonly string[] {
    return this.#releasedIds;
  }

  /** Fails the attempt, if it still runs, as if its handler had thrown this. */
  fail(job: AttemptInfo, error: unknown): void {
    this.#running.get(job)?.fail(error);
  }

  async run({ job }: HandlerContext, next: RunNext): Promise<unknown> {
    const running = new Running(job);
    this.#running.set(job, running);
    try {
      return await Promise.race([inJob(job, next), running.failure]);
    } finally {
      this.#running.delete(job);
      this.#ended.push(running);
      const took = performance.now() - running.startedAt;
      for (const listener of this.onEnd) listener(running, took);
    }
  }

  settled({ job, outcome }: { readonly job: AttemptInfo; readonly outcome: string }): void {
    if (outcome === "released") this.#releasedIds = [...this.#releasedIds, job.id].slice(-MAX_RELEASED);
  }
}

class Running implements RunningAttempt {
  readonly job: AttemptInfo;
  readonly startedAt = performance.now();
  readonly failure: Promise<never>;
  fail: (error: unknown) => void = () => {};

  constructor(job: AttemptInfo) {
    this.job = job;
    this.failure = new Promise((_, reject) => {
      this.fail = reject;
    });
  }
}
