import { ERROR_CODES, type ErrorCode, type JobError, type JobSnapshot, toWire } from "@org/queue";
import type { JobSubject } from "../access/authorize.ts";
import type { PublicJob } from "../protocol/public-job.ts";

/** What clients see of jobs besides their state, progress and result. Everything is off unless it is named. */
export type ShownPart = "data" | "userId" | "metadata" | "logs" | "errorMessage";

/**
 * A job as clients see it. Values that the message declares `sensitive` are masked, whatever is shown. Errors have the
 * public sentence of their code; with `errorMessage`, what the handler threw.
 */
export function toPublicJob(snapshot: JobSnapshot, show: ReadonlySet<ShownPart>): PublicJob {
  const wire = toWire(snapshot);
  const { id, messageType, state, progress, result, attempt, maxAttempts } = wire;
  const { sentAt, runAt, startedAt, finishedAt } = wire;
  return {
    id,
    messageType,
    state,
    ...(progress !== undefined && { progress }),
    ...(result !== undefined && { result }),
    ...(snapshot.error && state !== "completed" && { error: toPublicError(snapshot.error, show) }),
    attempt,
    maxAttempts,
    sentAt,
    ...(runAt !== undefined && { runAt }),
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    ...(show.has("data") && { data: wire.data }),
    ...(show.has("userId") && wire.userId !== undefined && { userId: wire.userId }),
    ...(show.has("metadata") && wire.metadata !== undefined && { metadata: wire.metadata }),
    ...(show.has("logs") && { logs: wire.logs }),
  } as unknown as PublicJob;
}

/** What rights depend on. */
export function toSubject(snapshot: JobSnapshot): JobSubject {
  const { id, messageType, queue, state, userId, orderingKey } = snapshot;
  return {
    id,
    messageType,
    queue,
    state,
    ...(userId !== undefined && { userId }),
    ...(orderingKey !== undefined && { orderingKey }),
  };
}

function toPublicError({ code, message }: JobError, show: ReadonlySet<ShownPart>): PublicJob["error"] {
  const isKnown = Object.hasOwn(ERROR_CODES, code);
  const { exposure, publicMessage } = ERROR_CODES[isKnown ? (code as ErrorCode) : "HANDLER_FAILED"];
  return {
    code: isKnown && exposure === "public" ? (code as ErrorCode) : "INTERNAL_ERROR",
    message: show.has("errorMessage") ? message : publicMessage,
  };
}
