import { ERROR_CODES, type ErrorCode, type ErrorCodeEntry, isErrorCode } from "./codes.ts";
import { type Issue, isQueueError } from "./queue-error.ts";
import { describeThrown } from "./thrown.ts";

/** What a client may see of an error. */
export interface PublicError {
  /** `INTERNAL_ERROR` for every error that clients may not see. */
  readonly code: ErrorCode | "INTERNAL_ERROR";
  readonly message: string;
  /** The HTTP status to respond with. */
  readonly status: number;
  /** Of `INVALID_DATA`: what was wrong with each field, the first twenty. */
  readonly issues?: readonly Issue[];
}

const INTERNAL_MESSAGE = "Something went wrong. Try again later.";

/**
 * What a client may see of any thrown value. The sentences are those of `ERROR_CODES`, never the error's own message.
 * Errors that are internal or not of this library become `INTERNAL_ERROR`. Never throws.
 *
 * @example
 * const { status, ...error } = publicError(thrown);
 * return Response.json({ error }, { status });
 */
export function publicError(error: unknown): PublicError {
  const code = codeOf(error);
  if (code === undefined) return { code: "INTERNAL_ERROR", message: INTERNAL_MESSAGE, status: 500 };
  const { exposure, status, publicMessage }: ErrorCodeEntry = ERROR_CODES[code];
  if (exposure === "internal") return { code: "INTERNAL_ERROR", message: INTERNAL_MESSAGE, status };
  const issues = code === "INVALID_DATA" ? describeThrown(error).issues : [];
  return { code, message: publicMessage, status, ...(issues.length > 0 && { issues }) };
}

/** Another copy of this package may have codes that this one doesn't. */
function codeOf(error: unknown): ErrorCode | undefined {
  if (!isQueueError(error)) return undefined;
  try {
    const code: unknown = error.code;
    return typeof code === "string" && isErrorCode(code) ? code : undefined;
  } catch {
    return undefined;
  }
}
