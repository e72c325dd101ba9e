import { isQueueError, type JobEvent, type JobSnapshot, type Queue } from "@org/queue";
import { describeError } from "../describe-error.ts";
import { errorText, type FailedJob, failedJob, MAX_ROWS, type RunningJob, type TopModel } from "./model.ts";
import { RateHistory } from "./rate-history.ts";

/** Running jobs whose message is looked up by one reading: with their data, they may be large. */
const MAX_LOOKUPS = 25;

/** Reads what the screen shows, in few calls. */
export class TopReader {
  readonly #queue: Queue;
  readonly #rates = new RateHistory();
  /** Newest first, of events: the list of failed jobs is in the order in which they were sent. */
  #newFailures: readonly FailedJob[] = [];
  readonly #runningJobs = new Map<string, Pick<JobSnapshot, "messageType" | "queue" | "state">>();

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Also shows failures of jobs that were sent long ago, and at once. A user who may not subscribe goes without. */
  async follow(onFailure: () => void): Promise<void> {
    const listener = ({ id, messageType, queue, at, error }: JobEvent) => {
      this.#add({ id, messageType, queue, at, error: errorText(error) });
      onFailure();
    };
    await this.#queue.subscribe(listener, { types: ["failed"], detail: true }).catch(() => undefined);
  }

  /** It was retried: no longer failed. */
  forget(id: string): void {
    this.#newFailures = this.#newFailures.filter((failure) => failure.id !== id);
  }

  #add(failed: FailedJob): void {
    const others = this.#newFailures.filter(({ id }) => id !== failed.id);
    this.#newFailures = [failed, ...others].slice(0, MAX_ROWS);
  }

  async read(): Promise<TopModel> {
    const queue = this.#queue;
    const [stats, metrics, workers, failed] = await Promise.all([
      queue.stats(),
      queue.metrics({ since: this.#rates.since(Date.now()) }),
      orWithout(queue.workers(), []),
      orWithout(queue.list({ state: "failed", fields: "summary", limit: MAX_ROWS }), undefined),
    ]);
    this.#rates.add(metrics, stats.at.getTime());
    const running = workers
      .flatMap(({ name, attempts }) => attempts.map(({ id, since }) => ({ id, since, worker: name })))
      .sort((a, b) => a.since.getTime() - b.since.getTime())
      .slice(0, MAX_ROWS);
    return {
      at: stats.at,
      queues: stats.queues,
      states: stats.totals.states,
      workers,
      running: await this.#describe(running),
      failures: this.#merge(failed?.jobs.map(failedJob) ?? []),
      rates: this.#rates,
    };
  }

  /** A failure since the reading. */
  withNewFailures(model: TopModel): TopModel {
    const failures = this.#merge(model.failures);
    const at = new Date(Math.max(Number(model.at), Number(failures[0]?.at ?? 0)));
    return { ...model, at, failures };
  }

  #merge(failures: readonly FailedJob[]): readonly FailedJob[] {
    const ids = new Set(this.#newFailures.map(({ id }) => id));
    return [...this.#newFailures, ...failures.filter(({ id }) => !ids.has(id))]
      .sort((a, b) => b.at.getTime() - a.at.getTime())
      .slice(0, MAX_ROWS);
  }

  /** Adds their messages, and drops those that have ended since their worker's beat. */
  async #describe(running: readonly RunningJob[]): Promise<readonly RunningJob[]> {
    const known = this.#runningJobs;
    for (const id of known.keys()) if (!running.some((job) => job.id === id)) known.delete(id);
    const unknown = running.flatMap(({ id }) => (known.has(id) ? [] : id)).slice(0, MAX_LOOKUPS);
    if (unknown.length > 0) {
      const jobs = await orWithout(this.#queue.getMany(unknown), []);
      for (const [index, job] of jobs.entries()) {
        const { messageType = "", queue = "", state = "completed" } = job ?? {};
        known.set(unknown[index]!, { messageType, queue, state });
      }
    }
    return running.flatMap((job) => {
      const { messageType, queue, state } = known.get(job.id) ?? {};
      if (messageType === undefined || queue === undefined) return [job];
      return state === "active" ? [{ ...job, messageType, queue }] : [];
    });
  }
}

/** Of an engine that doesn't have this. */
async function orWithout<T, U>(reading: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await reading;
  } catch (error) {
    if (isQueueError(error, "UNSUPPORTED_BY_ENGINE")) return otherwise;
    throw error;
  }
}

/** How Redis words it, in scripts and outside, in version 6 to 8. */
const NO_PERMISSION = /NOPERM|no permissions|executing the script can't run|ACL failure/i;

/** A sentence for the screen, of what a reading or a change has thrown. */
export function sayError(error: unknown): string {
  const { message } = describeError(error);
  const isRefused = isQueueError(error, "ENGINE_MISCONFIGURED") && NO_PERMISSION.test(message);
  return isRefused ? `This user may not do that. ${message}` : message;
}
