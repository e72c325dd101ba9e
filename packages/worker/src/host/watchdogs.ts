import type { LevelLogger } from "../config/config.ts";
import type { WatchdogSettings } from "../config/settings.ts";
import type { Orders } from "./orders.ts";
import type { RunningAttempt, RunningAttempts } from "./running-attempts.ts";
import { UsualTimes } from "./usual-times.ts";

/** How often the event loop is looked at, in milliseconds. */
const LOOP_INTERVAL = 100;
/** How often memory and running attempts are looked at, in milliseconds. */
const SLOW_INTERVAL = 1_000;
/** Attempts named in one line. */
const MAX_NAMED = 5;

export interface WatchdogParts {
  readonly settings: WatchdogSettings;
  readonly attempts: RunningAttempts;
  readonly logger: LevelLogger;
  readonly orders: Orders;
}

/** Reports, once each, what goes wrong slowly: a blocked event loop, attempts far beyond their usual time, memory. */
export class Watchdogs {
  readonly #parts: WatchdogParts;
  readonly #usualTimes = new UsualTimes();
  readonly #reportedAttempts = new WeakSet<RunningAttempt>();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #lastTurn = 0;
  #isOverMemory = false;

  constructor(parts: WatchdogParts) {
    this.#parts = parts;
    parts.attempts.onEnd.push(({ job }, took) => this.#usualTimes.add(job.messageType, took));
  }

  start(): void {
    this.#lastTurn = performance.now();
    this.#timers.push(setInterval(() => this.#checkLoop(), LOOP_INTERVAL).unref());
    this.#timers.push(
      setInterval(() => {
        this.#checkAttempts();
        this.#checkMemory();
      }, SLOW_INTERVAL).unref(),
    );
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  #checkLoop(): void {
    const { settings, attempts, logger } = this.#parts;
    const now = performance.now();
    const blockedFor = now - this.#lastTurn - LOOP_INTERVAL;
    this.#lastTurn = now;
    const recent = attempts.takeRecent();
    if (blockedFor < settings.blockedFor) return;
    logger.warn(
      { blockedFor: Math.round(blockedFor), jobs: recent.map(({ job }) => job.id) },
      `The event loop was blocked for ${seconds(blockedFor)}, while ${named(recent)} ran. Leases aren't renewed meanwhile: ` +
        "give long computations to a worker thread.",
    );
  }

  #checkAttempts(): void {
    const { settings, attempts, logger } = this.#parts;
    const now = performance.now();
    for (const attempt of attempts.list()) {
      const { job, startedAt } = attempt;
      const usual = this.#usualTimes.of(job.messageType);
      if (usual === undefined || now - startedAt < Math.max(SLOW_INTERVAL, usual * settings.slowFactor))
        continue;
      if (this.#reportedAttempts.has(attempt)) continue;
      this.#reportedAttempts.add(attempt);
      logger.warn(
        {
          job: job.id,
          message: job.messageType,
          attempt: job.attempt,
          runningFor: Math.round(now - startedAt),
        },
        `Job ${job.id} (${job.messageType}) has run for ${seconds(now - startedAt)}, and the last hundred took at most ` +
          `${seconds(usual)}. Give its message a \`timeout\` if it may hang.`,
      );
    }
  }

  #checkMemory(): void {
    const { settings, attempts, logger, orders } = this.#parts;
    const { maxMemory } = settings;
    if (maxMemory === undefined || this.#isOverMemory) return;
    const used = process.memoryUsage.rss();
    if (used <= maxMemory) return;
    this.#isOverMemory = true;
    logger.error(
      { memory: used, maxMemory, jobs: attempts.list().map(({ job }) => job.id) },
      `The process uses ${megabytes(used)} of memory, more than its bound of ${megabytes(maxMemory)}, while ` +
        `${named(attempts.list())} run.`,
    );
    orders.give({ type: "restart", reason: `memory is over its bound of ${megabytes(maxMemory)}` });
  }
}

/** "job-1 (EMAIL), job-2 (REPORT) and 3 others", the longest running first. */
function named(attempts: readonly RunningAttempt[]): string {
  if (attempts.length === 0) return "no job";
  const first = attempts.slice(0, MAX_NAMED).map(({ job }) => `${job.id} (${job.messageType})`);
  const others = attempts.length - first.length;
  return others > 0 ? `${first.join(", ")} and ${others} others` : first.join(", ");
}

function seconds(milliseconds: number): string {
  return milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(1)} s`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MB`;
}
