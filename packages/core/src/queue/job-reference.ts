import { ID_PATTERN } from "../contract/names.ts";
import { describeValue } from "../errors/describe-value.ts";
import { QueueError } from "../errors/queue-error.ts";

/** A job, by its id or by anything that carries it: a handle, a snapshot. */
export type JobReference = string | { readonly id: string };

/** Ids one bulk call may name. */
const MAX_IDS = 10_000;

/** @throws {QueueError} `INVALID_OPTIONS` when it isn't a job's id or handle. */
export function idOf(job: JobReference): string {
  const id = typeof job === "string" ? job : (job as { id?: unknown } | null | undefined)?.id;
  if (typeof id === "string" && ID_PATTERN.test(id)) return id;
  throw new QueueError(
    "INVALID_OPTIONS",
    `Expected a job's id or handle, got ${describeValue(typeof id === "string" ? id : job)}.`,
  );
}

/** @throws {QueueError} `INVALID_OPTIONS`, also for more than 10,000 of them. */
export function idsOf(jobs: readonly JobReference[]): string[] {
  if (!Array.isArray(jobs))
    throw new QueueError(
      "INVALID_OPTIONS",
      `Expected an array of job ids or handles, got ${describeValue(jobs)}.`,
    );
  if (jobs.length > MAX_IDS) {
    throw new QueueError(
      "INVALID_OPTIONS",
      `One call takes at most ${MAX_IDS.toLocaleString("en")} jobs, got ${jobs.length.toLocaleString("en")}.`,
    );
  }
  return jobs.map(idOf);
}
