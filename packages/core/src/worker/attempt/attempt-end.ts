import { MAX_DURATION } from "../../contract/duration.ts";
import { DEFAULT_LIMITS } from "../../contract/limits.ts";
import type { Message } from "../../contract/message.ts";
import type { AttemptOutcome, ClaimedJob, Release } from "../../engine/core.ts";
import type { FailureGroupKey } from "../../engine/failure-groups.ts";
import type { ErrorCode } from "../../errors/codes.ts";
import { isQueueError, QueueError } from "../../errors/queue-error.ts";
import { describeThrown } from "../../errors/thrown.ts";
import { withoutStack } from "../../errors/without-stack.ts";
import { backoffDelay } from "../../timing/backoff.ts";
import { failureGroupOf } from "../grouping/failure-group.ts";
import type { Attempt } from "./attempt.ts";
import { retryDelay } from "./retry-policy.ts";
import { toStoredError } from "./stored-error.ts";

/** The end of an attempt: settled, released, or dropped because its lease is lost. */
export type AttemptEnd =
  | { readonly kind: "settle"; readonly outcome: AttemptOutcome }
  | { readonly kind: "release"; readonly release: Release }
  | { readonly kind: "drop" };

const DROP: AttemptEnd = Object.freeze({ kind: "drop" });

const BOUNCE_BACKOFF = { first: 1_000, max: 30_000 };

/** Whether the next job of the same ordering key may start, as far as the worker knows. */
export function letsFollowerStart({ job }: Attempt, end: AttemptEnd): boolean {
  if (end.kind !== "settle" || end.outcome.type === "retry") return false;
  return end.outcome.type !== "fail" || job.holdsKey !== true;
}

export function completed({ job, isLost }: Attempt, result: string | undefined): AttemptEnd {
  if (isLost) return DROP;
  const { id, epoch, token } = job;
  return {
    kind: "settle",
    outcome:
      result === undefined
        ? { id, epoch, token, type: "complete" }
        : { id, epoch, token, type: "complete", result },
  };
}

/** A failure that no retry can fix. The engine keeps the raw payload. */
export function failed(attempt: Attempt, message: Message | undefined, error: unknown): AttemptEnd {
  if (attempt.isLost) return DROP;
  const code = isQueueError(error) ? error.code : "HANDLER_FAILED";
  return settleFailed(attempt.job, describeFailure(attempt.job, message, code, error));
}

export function released({ job: { id, epoch, token }, isLost }: Attempt): AttemptEnd {
  return isLost ? DROP : { kind: "release", release: { id, epoch, token, delay: 0, bounce: false } };
}

export function cancelled(attempt: Attempt, message: Message | undefined, cause?: unknown): AttemptEnd {
  if (attempt.isLost) return DROP;
  const isOwn = cause === undefined || cause === attempt.abortReason;
  const reason = attempt.cancelReason ?? "The job was cancelled.";
  const thrown = withoutStack(new QueueError("JOB_CANCELLED", reason, isOwn ? {} : { cause }));
  const described = describeThrown(thrown);
  const text = isOwn ? { ...described, stack: "" } : described;
  const error = toStoredError("JOB_CANCELLED", text, capOf(message));
  const { id, epoch, token } = attempt.job;
  return { kind: "settle", outcome: { id, epoch, token, type: "cancel", error } };
}

/** A job that this worker doesn't handle, from an engine that can't select: back for a worker that does. */
export function bounced({ job: { id, epoch, token, bounces } }: Attempt): AttemptEnd {
  const delay = backoffDelay(BOUNCE_BACKOFF, bounces + 1);
  return { kind: "release", release: { id, epoch, token, delay, bounce: true } };
}

/** The end of an attempt whose handler threw. Depends on why its signal aborted, if it did. */
export function threw(attempt: Attempt, message: Message, error: unknown): AttemptEnd {
  const { job, abortReason } = attempt;
  if (attempt.isLost) return DROP;
  if (attempt.cancelReason !== undefined) return cancelled(attempt, message, error);
  if (isQueueError(error, "UNRECOVERABLE")) return failed(attempt, message, error);
  // The attempt doesn't count: it didn't fail, the worker stops.
  if (abortReason?.code === "SHUTDOWN") return released(attempt);
  if (abortReason?.code === "TIMEOUT") return timedOut(attempt, message, error);
  if (isQueueError(error, "RETRY_AFTER")) {
    return failedAttempt(job, message, "RETRY_AFTER", error, readDelay(error));
  }
  return failedAttempt(job, message, "HANDLER_FAILED", error);
}

/** `error` is what the handler threw when its signal aborted, if it did. */
export function timedOut(attempt: Attempt, message: Message, error?: unknown): AttemptEnd {
  if (attempt.isLost) return DROP;
  if (attempt.cancelReason !== undefined) return cancelled(attempt, message, error);
  const timeout = new QueueError("TIMEOUT", `The attempt ran longer than ${message.timeout} ms.`, {
    // A handler that passes its signal on throws the signal's reason.
    cause: error === attempt.abortReason ? undefined : error,
  });
  return failedAttempt(attempt.job, message, "TIMEOUT", timeout);
}

function failedAttempt(
  job: ClaimedJob,
  message: Message,
  code: ErrorCode,
  error: unknown,
  delay?: number,
): AttemptEnd {
  const failure = describeFailure(job, message, code, error);
  if (job.attempt >= job.maxAttempts) return settleFailed(job, failure);
  const { id, epoch, token, attempt } = job;
  const pause = delay ?? retryDelay(message.backoff, attempt);
  return { kind: "settle", outcome: { id, epoch, token, type: "retry", ...failure, delay: pause } };
}

function settleFailed({ id, epoch, token }: ClaimedJob, failure: Failure): AttemptEnd {
  return { kind: "settle", outcome: { id, epoch, token, type: "fail", ...failure } };
}

interface Failure {
  readonly error: string;
  readonly group: FailureGroupKey;
}

function describeFailure(
  { envelope }: ClaimedJob,
  message: Message | undefined,
  code: ErrorCode,
  thrown: unknown,
): Failure {
  const text = describeThrown(thrown);
  return {
    error: toStoredError(code, text, capOf(message)),
    group: failureGroupOf(code, text, envelope, message),
  };
}

function capOf(message: Message | undefined): number {
  return (message?.limits ?? DEFAULT_LIMITS).error;
}

/** The error may be a proxy, or come from another version of this package. */
function readDelay(error: object): number | undefined {
  try {
    const { delay } = error as { readonly delay?: unknown };
    return typeof delay === "number" && delay >= 0 ? Math.min(Math.round(delay), MAX_DURATION) : undefined;
  } catch {
    return undefined;
  }
}
