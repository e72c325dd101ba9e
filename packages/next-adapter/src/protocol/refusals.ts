import type { ErrorCode, Issue } from "@org/queue/contract";

/** Codes of the adapter itself, beside those of `ERROR_CODES` in `@org/queue`. */
export const REFUSALS = {
  UNAUTHENTICATED: { status: 401, message: "Sign in to go on." },
  FORBIDDEN: { status: 403, message: "You aren't allowed to do this." },
  CROSS_ORIGIN: { status: 403, message: "This request came from another site, so it was refused." },
  ROUTE_NOT_FOUND: { status: 404, message: "There is nothing at this address." },
  METHOD_NOT_ALLOWED: { status: 405, message: "This address doesn't take this method." },
  OUTDATED_CLIENT: { status: 409, message: "This page is of another version. Reload it." },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: "Send JSON, as application/json." },
  TOO_MANY_CONNECTIONS: {
    status: 503,
    message: "Too many live connections. Updates come less often for now.",
  },
} as const;

export type RefusalCode = keyof typeof REFUSALS;

/** An error as clients get it, in the body of a response and in the result of a server action. */
export interface WireError {
  readonly code: ErrorCode | RefusalCode | "INTERNAL_ERROR";
  readonly message: string;
  /** What was wrong with each field of the data. */
  readonly issues?: readonly Issue[];
}
