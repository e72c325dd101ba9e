import type { ErrorCode } from "../errors/codes.ts";

/** An error as JSON text, as engines store it. */
export function errorText(code: ErrorCode, message: string): string {
  return JSON.stringify({ code, message });
}

/** Of an unfinished job that is removed. */
export const REMOVED_ERROR = errorText("JOB_CANCELLED", "Removed.");

/**
 * Of an attempt whose lease has expired. `%s` stands for its epoch.
 *
 * @public The redis scripts import it.
 */
export const STALLED_ERROR = errorText("STALLED", "The worker holding epoch %s stopped renewing its lease.");

export function stalledError(epoch: number): string {
  return STALLED_ERROR.replace("%s", String(epoch));
}

/** The message of an error's text. Absent when that can't be read. */
export function messageOfError(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text);
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}
