import type { AttemptInfo, Worker, WorkerStats } from "@org/queue";
import type { LevelLogger } from "../config/config.ts";
import type { OpenedWorkers } from "./open-workers.ts";
import type { RunningAttempts } from "./running-attempts.ts";

/** Errors that nothing caught, in a process that ends. */
const MAX_CRASHES = 20;
/** Messages named in one line. */
const MAX_NAMED_MESSAGES = 5;
/** Unsettled jobs named in one line. */
const MAX_NAMED_JOBS = 20;

/** The lines that a worker process logs about itself. */
export class HostReport {
  readonly #logger: LevelLogger;
  readonly #attempts: RunningAttempts;

  constructor(logger: LevelLogger, attempts: RunningAttempts) {
    this.#logger = logger;
    this.#attempts = attempts;
  }

  ready({ messages, concurrency }: OpenedWorkers, endpoints: string | undefined): void {
    const handled =
      messages.length > MAX_NAMED_MESSAGES ? `${messages.length} messages` : messages.join(", ");
    const where = endpoints === undefined ? "" : ` Endpoints: ${endpoints}`;
    this.#logger.info(
      { messages, concurrency, ...(endpoints && { endpoints }) },
      `Ready: handles ${handled}, ${concurrency} at a time.${where}`,
    );
  }

  quiet(reason: string): void {
    const running = this.#attempts.list().length;
    this.#logger.info(
      { running },
      `Quiet (${reason}): claims nothing more, ${finishes(running)}, and waits to be stopped.`,
    );
  }

  stopping(reason: string, timeout: number): void {
    const running = this.#attempts.list().length;
    const wait = running === 0 ? "nothing runs" : `waits up to ${timeout / 1_000} s for ${jobs(running)}`;
    this.#logger.info({ running }, `Stopping (${reason}): ${wait}.`);
  }

  starting(): void {
    this.#logger.warn({}, "Still starting: `queue` or the handlers of the config aren't open yet.");
  }

  /** `count` is the number of crashes so far. Only the first ones are logged. */
  crash(error: unknown, job: AttemptInfo | undefined, count: number): void {
    if (count > MAX_CRASHES) return;
    const origin = job ? ` in job ${job.id} (${job.messageType}), attempt ${job.attempt}` : "";
    this.#logger.error(
      { err: error, ...(job && { job: job.id, message: job.messageType, attempt: job.attempt }) },
      `An error that nothing caught${origin}. The process gives its other jobs back and ends.` +
        (count === MAX_CRASHES ? " Further errors aren't logged." : ""),
    );
  }

  /** `unsettled` are jobs whose ends the engine hasn't confirmed. */
  stopped(workers: readonly Worker[], unsettled: readonly string[]): void {
    const sum = (name: "completed" | "failed" | "retried" | "cancelled" | "released") =>
      workers.map((worker) => (worker.stats() satisfies WorkerStats)[name]).reduce((a, b) => a + b, 0);
    const counts = {
      completed: sum("completed"),
      retried: sum("retried"),
      failed: sum("failed"),
      cancelled: sum("cancelled"),
      released: sum("released"),
    };
    const { releasedIds } = this.#attempts;
    const given = releasedIds.length > 0 ? `: ${named(releasedIds, counts.released)}` : "";
    const text =
      `Stopped. ${counts.completed} completed, ${counts.retried} to be retried, ${counts.failed} failed, ` +
      `${counts.cancelled} cancelled, ${counts.released} given back${given}.`;
    const fields = { ...counts, ...(releasedIds.length > 0 && { releasedJobs: releasedIds }) };
    if (unsettled.length === 0) {
      this.#logger.info(fields, text);
      return;
    }
    const unsettledJobs = unsettled.slice(0, MAX_NAMED_JOBS);
    this.#logger.warn(
      { ...fields, unsettled: unsettled.length, unsettledJobs },
      `${text} ${unsettled.length} couldn't be settled or given back, because the engine didn't answer. They run again ` +
        `once their leases are over: ${named(unsettledJobs, unsettled.length)}.`,
    );
  }

  running(): void {
    const attempts = this.#attempts.list();
    this.#logger.info({ running: attempts.length }, `Runs ${jobs(attempts.length)}.`);
    for (const { job, startedAt } of attempts) {
      const runningFor = Math.round(performance.now() - startedAt);
      this.#logger.info(
        { job: job.id, message: job.messageType, attempt: job.attempt, runningFor },
        `Job ${job.id} (${job.messageType}) has run for ${runningFor / 1_000} s.`,
      );
    }
  }
}

/** `ids` are the first of `count`, or the last. */
function named(ids: readonly string[], count: number): string {
  const others = count - ids.length;
  return ids.join(", ") + (others > 0 ? ` and ${others} ${others === 1 ? "other" : "others"}` : "");
}

function finishes(running: number): string {
  return running === 0 ? "nothing runs" : `finishes ${jobs(running)}`;
}

function jobs(count: number): string {
  return count === 1 ? "1 running job" : `${count} running jobs`;
}
