import type { JobFilter, JobSearch } from "../engine/job-filter.ts";
import type { StoredJob } from "./stored-job.ts";

/** Whether each condition of a filter holds. */
export function matchesFilter(job: StoredJob, filter: JobFilter): boolean {
  const { userId, orderingKey, search, sentFrom, sentTo, finishedFrom, finishedTo } = filter;
  const { spec, createdAt, finishedAt } = job;
  const hasEnded = finishedFrom !== undefined || finishedTo !== undefined;
  return (
    isAmong(spec.queue, filter.queues) &&
    isAmong(job.state!, filter.states) &&
    isAmong(job.messageType, filter.messages) &&
    (userId === undefined || spec.envelope.userId === userId) &&
    (orderingKey === undefined || spec.ordering?.key === orderingKey) &&
    isWithin(createdAt, sentFrom, sentTo) &&
    (search === undefined || isFound(job, search)) &&
    (!hasEnded || (finishedAt !== undefined && isWithin(finishedAt, finishedFrom, finishedTo)))
  );
}

function isFound({ messageType, spec }: StoredJob, { message, values }: JobSearch): boolean {
  return (
    messageType === message &&
    Object.entries(values).every(
      ([field, value]) =>
        spec.search !== undefined && Object.hasOwn(spec.search, field) && spec.search[field] === value,
    )
  );
}

function isAmong<T>(value: T, wanted: readonly T[] | undefined): boolean {
  return wanted === undefined || wanted.includes(value);
}

function isWithin(instant: number, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY): boolean {
  return instant >= from && instant < to;
}
