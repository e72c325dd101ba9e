import { parseJson } from "../../contract/limits.ts";
import { decodePayload } from "../../contract/payload.ts";
import type { Registry } from "../../contract/registry.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { readJobError, toThrowable } from "./job-error.ts";
import type { Ending } from "./job-waits.ts";
import { endingText, whyGone } from "./not-found.ts";

/**
 * What a waiter gets from an ended job: its decoded result, or the error to throw.
 *
 * @throws {QueueError} `JOB_FAILED`, `JOB_CANCELLED`, `RESULT_NOT_KEPT` or `INVALID_RESULT`.
 */
export function readOutcome({ id, state, messageType, record }: Ending, registry: Registry): unknown {
  if (state !== "completed") {
    const error = record?.error === undefined ? undefined : readJobError(record.error);
    const what = `The job ${id} ${state === "failed" ? "failed" : "was cancelled"}`;
    throw new QueueError(
      state === "failed" ? "JOB_FAILED" : "JOB_CANCELLED",
      record === null
        ? `The job ${id} ${endingText(state)}. ${whyGone(state)}`
        : error
          ? `${what}: ${error.message}`
          : `${what}.`,
      { ...(error && { cause: toThrowable(error) }) },
    );
  }
  const message = registry.get(messageType);
  if (!record) {
    if (message && !message.codecs.result) return undefined;
    throw new QueueError(
      "RESULT_NOT_KEPT",
      `The job ${id} completed, and its result is gone. ${whyGone(state)}`,
    );
  }
  if (!message?.codecs.result) {
    return record.result && parseJson("result", record.result, Number.POSITIVE_INFINITY);
  }
  return decodePayload(
    `result of ${messageType}`,
    message.codecs.result,
    record.result ?? "",
    message.limits.result,
    "INVALID_RESULT",
  );
}
