import { ID_PATTERN } from "../contract/names.ts";
import type { JobKey } from "../engine/job.ts";
import { describeValue } from "../errors/describe-value.ts";
import { QueueError } from "../errors/queue-error.ts";

/** A job, by its id or by anything that carries it: a handle, a snapshot. */
export type JobReference = string | JobKey;

/** Jobs that one call for many may name. */
const MAX_JOBS = 10_000;

/** @throws {QueueError} `INVALID_OPTIONS` when it isn't a job's id or handle. */
export function keyOf(job: JobReference): JobKey {
  const id = typeof job === "string" ? job : (job as { id?: unknown } | null | undefined)?.id;
  if (typeof id === "string" && ID_PATTERN.test(id)) {
    const queue = typeof job === "string" ? undefined : job.queue;
    return typeof queue === "string" ? { id, queue } : { id };
  }
  throw new QueueError(
    "INVALID_OPTIONS",
    `Expected a job's id or handle, got ${describeValue(typeof id === "string" ? id : job)}.`,
  );
}

/** @throws {QueueError} `INVALID_OPTIONS` when it isn't a job's id or handle. */
export function idOf(job: JobReference): string {
  return keyOf(job).id;
}

/** @throws {QueueError} `INVALID_OPTIONS`, also for more than 10,000 of them. */
export function keysOf(jobs: readonly JobReference[]): JobKey[] {
  if (!Array.isArray(jobs))
    throw new QueueError(
      "INVALID_OPTIONS",
      `Expected an array of job ids or handles, got ${describeValue(jobs)}.`,
    );
  if (jobs.length > MAX_JOBS) {
    throw new QueueError(
      "INVALID_OPTIONS",
      `One call takes at most ${MAX_JOBS.toLocaleString("en")} jobs, got ${jobs.length.toLocaleString("en")}.`,
    );
  }
  return jobs.map(keyOf);
}
