import * as z from "zod/mini";
import { duration, parseOptions } from "../contract/options.ts";
import { QueueError } from "../errors/queue-error.ts";
import { sentence } from "../errors/sentence.ts";
import type { JobReference } from "../queue/job-reference.ts";
import type { Queue } from "../queue/queue.ts";
import { waitSchema } from "../queue/queue-options.ts";
import type { JobSnapshot } from "../queue/read/job-snapshot.ts";
import type { WaitOptions } from "../queue/read/job-waits.ts";
import { fulfillsWithin } from "../timing/with-timeout.ts";
import type { Worker } from "../worker/worker.ts";
import type { FakeClock } from "./fake-clock.ts";

/** What `drain` takes. */
export interface DrainOptions {
  /**
   * Real milliseconds without any attempt ending, after which a running handler counts as hung. The default is below
   * the usual five seconds of a test runner. @default 3_000
   */
  readonly handlerTimeout?: number | undefined;
  /** Maximum number of times to advance the clock. @default 1_000 */
  readonly maxSteps?: number | undefined;
}

const optionsSchema = z.strictObject({
  handlerTimeout: z._default(duration(), 3_000),
  maxSteps: z._default(z.int().check(z.minimum(1)), 1_000),
});

export interface DrainParts {
  readonly queue: Queue;
  readonly worker: Worker<never, string>;
  readonly clock: FakeClock;
  /** The queues that the worker serves. */
  readonly served: readonly string[];
}

/**
 * Runs all jobs, and advances the clock over delays and backoffs, until every job has ended or is held by a policy. The
 * clock stands still while handlers run, so they may do real work.
 *
 * @throws {QueueError} `INVALID_STATE`, with what is left and why, if jobs never finish.
 */
export async function drain(parts: DrainParts, options: DrainOptions = {}): Promise<void> {
  const { handlerTimeout, maxSteps } = parseOptions("drain", optionsSchema, options);
  for (let step = 0; step < maxSteps; step++) if (!(await runNextStep(parts, handlerTimeout, NEVER))) return;
  throw tooManyStepsError(maxSteps);
}

/** Drains until a job has ended or the wait has timed out, and returns the result of the wait. */
export async function drainUntilEnded(
  parts: DrainParts,
  job: JobReference,
  options: WaitOptions = {},
): Promise<unknown> {
  const { queue, worker, clock } = parts;
  const { timeout } = parseOptions("wait", waitSchema, options);
  const { handlerTimeout, maxSteps } = parseOptions("drain", optionsSchema, {});
  const deadline = clock.now() + (timeout ?? Number.POSITIVE_INFINITY);
  const pendingWait = queue.wait(job, options);
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  const over = pendingWait.then(end, end);
  for (let step = 0; step < maxSteps; step++) {
    await clock.advance(0);
    if (isOver) return pendingWait;
    const problem = await runNextStep(parts, handlerTimeout, over, deadline).then(
      (hasMoved) => (hasMoved ? undefined : "drain: there is nothing left to run."),
      (error: QueueError) => error.message,
    );
    await clock.advance(0);
    if (isOver) return pendingWait;
    if (problem === undefined) continue;
    if (timeout === undefined) {
      const { summary } = await queue.explain(job);
      throw new QueueError("INVALID_STATE", `${problem} ${summary}`);
    }
    const distance = Math.max(0, deadline - clock.now());
    await (worker.stats().running > 0 ? clock.advance(distance) : skipUntilEvent(queue, clock, distance));
  }
  throw tooManyStepsError(maxSteps);
}

const NEVER = new Promise<void>(() => {});

/**
 * Runs what can run, then advances the clock to the next event, but not beyond `latest`. Returns whether there is
 * anything left to do.
 */
async function runNextStep(
  { queue, worker, clock, served }: DrainParts,
  handlerTimeout: number,
  over: Promise<void>,
  latest = Number.POSITIVE_INFINITY,
): Promise<boolean> {
  await clock.advance(0);
  await Promise.race([workerIdle(queue, worker, handlerTimeout), over]);
  const remaining = await readRemaining(queue);
  if (remaining.ready === 0 && remaining.active === 0 && remaining.scheduled === 0) {
    if (remaining.paused.length === 0) return false;
    throw drainError(`the queue ${remaining.paused.join(", ")} is paused and has jobs. Resume it first`);
  }
  if (remaining.ready > 0 && worker.stats().state !== "running") {
    throw drainError(
      `${remaining.ready} jobs are ready, but no worker is running. Pass handlers to createTestQueue`,
    );
  }
  const unserved = remaining.unstarted.filter((name) => !served.includes(name));
  if (unserved.length > 0) throw await unservedError(queue, unserved);
  const isOnlyScheduled = remaining.ready === 0 && remaining.active === 0;
  const target = isOnlyScheduled ? await earliestDue(queue) : clock.nextTimer;
  if (target === undefined) throw drainError("no timer is left, but some jobs haven't ended");
  const distance = Math.max(0, Math.min(target, latest) - clock.now());
  await (isOnlyScheduled ? skipUntilEvent(queue, clock, distance) : clock.advance(distance));
  return true;
}

/** Skips the time until the next event. Nothing runs meanwhile, but a timer of the app may send a job. */
async function skipUntilEvent(queue: Queue, clock: FakeClock, milliseconds: number): Promise<void> {
  let hasEvent = false;
  const unsubscribe = await queue.subscribe(() => {
    hasEvent = true;
  });
  await clock.skip(milliseconds, () => hasEvent);
  await unsubscribe();
}

/** Resolves once the worker runs and holds nothing. */
async function workerIdle(queue: Queue, worker: DrainParts["worker"], handlerTimeout: number): Promise<void> {
  const ended = () => {
    const { completed, failed, retried, cancelled, released, lost } = worker.stats();
    return completed + failed + retried + cancelled + released + lost;
  };
  for (let before = ended(); ; before = ended()) {
    if (await fulfillsWithin(worker.idle(), handlerTimeout)) return;
    if (ended() > before) continue;
    const running = await queue.list({ state: "active", limit: 10 });
    throw drainError(
      `no attempt ended within ${handlerTimeout} ms. Running: ${running.jobs.map(nameOf).join(", ")}. ` +
        "If a handler waits for the clock, call `clock.advance` instead of `drain`",
    );
  }
}

interface Remaining {
  readonly ready: number;
  /** Queues with ready jobs and no running ones. */
  readonly unstarted: readonly string[];
  readonly active: number;
  readonly scheduled: number;
  /** Paused queues with jobs. */
  readonly paused: readonly string[];
}

async function readRemaining(queue: Queue): Promise<Remaining> {
  const { queues } = await queue.stats();
  const sum = (pick: (entry: (typeof queues)[number]) => number) =>
    queues.reduce((total, entry) => total + pick(entry), 0);
  return {
    ready: sum(({ paused, states }) => (paused ? 0 : states.queued)),
    unstarted: queues
      .filter(({ paused, states }) => !paused && states.queued > 0 && states.active === 0)
      .map(({ queue: name }) => name),
    active: sum(({ states }) => states.active),
    scheduled: sum(({ states }) => states.scheduled),
    paused: queues.filter(({ paused, states }) => paused && states.queued > 0).map(({ queue: name }) => name),
  };
}

async function earliestDue(queue: Queue): Promise<number | undefined> {
  let earliest: number | undefined;
  let cursor: string | undefined;
  do {
    const page = await queue.list({ state: "scheduled", limit: 1_000, cursor });
    for (const { runAt } of page.jobs) {
      if (runAt) earliest = Math.min(earliest ?? Number.POSITIVE_INFINITY, Number(runAt));
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return earliest;
}

async function unservedError(queue: Queue, queues: readonly string[]): Promise<QueueError> {
  const pages = await Promise.all(
    queues.map((name) => queue.list({ queue: name, state: "queued", limit: 10 })),
  );
  const messages = new Set(pages.flatMap(({ jobs }) => jobs.map(({ messageType }) => messageType)));
  return drainError(
    `jobs of ${[...messages].join(", ")} are ready in ${queues.join(", ")}, but the worker doesn't serve these queues. ` +
      "Pass handlers for them to createTestQueue",
  );
}

function nameOf({ id, messageType, attempt }: JobSnapshot): string {
  return `${messageType} ${id} (attempt ${attempt})`;
}

function tooManyStepsError(steps: number): QueueError {
  return drainError(`the clock was moved ${steps} times and jobs were still left. Do they send each other?`);
}

function drainError(problem: string): QueueError {
  return new QueueError("INVALID_STATE", `drain: ${sentence(problem)}`);
}
