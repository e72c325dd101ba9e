import { type HandledMessages, isHandled } from "./handled-messages.ts";
import { ReadyQueue } from "./ready-queue.ts";
import type { StoredJob } from "./stored-job.ts";

/** The runnable jobs of one version of one message. */
interface Lane {
  readonly messageType: string;
  readonly version: number;
  readonly jobs: ReadyQueue;
}

/**
 * The runnable jobs of one queue. Each version of each message has a lane of its own, so that a claim passes over what
 * its worker doesn't handle; among the lanes that it does, priority and send order decide.
 */
export class ReadyJobs {
  readonly #lanes: Lane[] = [];
  /** The lane of the last job: the next one's is often the same. */
  #last: Lane | undefined;

  push(job: StoredJob): void {
    this.#laneOf(job).jobs.push(job);
  }

  /** A job inside has just stopped being `queued`. */
  forget(job: StoredJob): void {
    this.#laneOf(job).jobs.forget();
  }

  has(handled: HandledMessages): boolean {
    return this.#lanes.some((lane) => !lane.jobs.isEmpty && isIn(lane, handled));
  }

  /** The next job of each version of each message. */
  *firsts(): Iterable<StoredJob> {
    for (const { jobs } of this.#lanes) if (jobs.first) yield jobs.first;
  }

  /** Since when the longest waiting of the jobs at the heads could run. */
  get waitingSince(): number | undefined {
    let since: number | undefined;
    for (const { jobs } of this.#lanes) {
      for (const { queuedAt, createdAt } of jobs.heads()) {
        since = Math.min(since ?? Number.POSITIVE_INFINITY, queuedAt ?? createdAt);
      }
    }
    return since;
  }

  /** Takes out the next job among those that are handled. */
  shift(handled: HandledMessages): StoredJob | undefined {
    let next: ReadyQueue | undefined;
    for (const lane of this.#lanes) {
      if (lane.jobs.isEmpty || !isIn(lane, handled)) continue;
      if (!next || isBefore(lane.jobs.first!, next.first!)) next = lane.jobs;
    }
    return next?.shift();
  }

  #laneOf(job: StoredJob): Lane {
    const { messageType, version } = job.spec.envelope;
    const isIts = (lane: Lane) => lane.messageType === messageType && lane.version === version;
    if (this.#last && isIts(this.#last)) return this.#last;
    let lane = this.#lanes.find(isIts);
    if (!lane) {
      lane = { messageType, version, jobs: new ReadyQueue() };
      this.#lanes.push(lane);
    }
    this.#last = lane;
    return lane;
  }
}

function isIn({ messageType, version }: Lane, handled: HandledMessages): boolean {
  return isHandled(handled, messageType, version);
}

function isBefore(a: StoredJob, b: StoredJob): boolean {
  return a.spec.priority === b.spec.priority ? a.sequence < b.sequence : a.spec.priority < b.spec.priority;
}
