import type { Message } from "../../contract/message.ts";
import type { JobSummary } from "../../engine/job.ts";
import { readJobError } from "./job-error.ts";
import type { MessageSnapshot } from "./job-snapshot.ts";

/** What a snapshot says of a job besides its data, result and progress, and besides what its attempts left. */
export type JobSummarySnapshot<M extends Message = Message> = Pick<
  MessageSnapshot<M>,
  | "id"
  | "messageType"
  | "version"
  | "userId"
  | "queue"
  | "state"
  | "priority"
  | "epoch"
  | "attempt"
  | "maxAttempts"
  | "stalls"
  | "orderingKey"
  | "cancelRequested"
  | "sentAt"
  | "createdAt"
  | "runAt"
  | "startedAt"
  | "finishedAt"
  | "error"
>;

export function toSummarySnapshot(summary: JobSummary): JobSummarySnapshot {
  const { timestamp, createdAt, runAt, startedAt, finishedAt, error, ...rest } = summary;
  return {
    ...rest,
    sentAt: new Date(timestamp),
    createdAt: new Date(createdAt),
    ...(runAt !== undefined && { runAt: new Date(runAt) }),
    ...(startedAt !== undefined && { startedAt: new Date(startedAt) }),
    ...(finishedAt !== undefined && { finishedAt: new Date(finishedAt) }),
    ...(error !== undefined && { error: readJobError(error) }),
  };
}
