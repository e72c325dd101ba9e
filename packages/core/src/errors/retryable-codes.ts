import type { ERROR_CODES, ErrorCode } from "./codes.ts";

type RetryableCode = {
  [Code in ErrorCode]: (typeof ERROR_CODES)[Code]["retryable"] extends true ? Code : never;
}[ErrorCode];

/** The `retryable` column of `ERROR_CODES` on its own: the whole table adds 6 KB of text to a browser bundle. */
const RETRYABLE: Readonly<Record<RetryableCode, true>> = {
  WAIT_TIMEOUT: true,
  HANDLER_FAILED: true,
  TIMEOUT: true,
  LEASE_LOST: true,
  SHUTDOWN: true,
  RETRY_AFTER: true,
  ENGINE_UNAVAILABLE: true,
  ENGINE_FULL: true,
  DATABASE_UNAVAILABLE: true,
};

export function isRetryable(code: ErrorCode): boolean {
  return Object.hasOwn(RETRYABLE, code);
}
