import { isErrorCode } from "../../errors/codes.ts";
import { type Issue, QueueError } from "../../errors/queue-error.ts";
import { withoutStack } from "../../errors/without-stack.ts";

/** An error as it was stored with its job or attempt. */
export interface JobError {
  /** One of this library's codes; a worker in another language may store its own. */
  readonly code: string;
  readonly message: string;
  /** The thrown error's class. */
  readonly name?: string;
  /** The thrown error's stack, with its causes. Never show it to end users. */
  readonly stack?: string;
  /** What an `AggregateError` held, the first ten. */
  readonly errors?: readonly { readonly name: string; readonly message: string }[];
  /** Where and what, for errors about data. */
  readonly issues?: readonly Issue[];
  /** Of `DEPENDENCY_FAILED`: the first job of the cascade, which failed or was cancelled by itself. */
  readonly root?: RootCause;
}

/** The job that a cascade of cancellations began with. The beginning of its error's message is in `message`. */
export interface RootCause {
  readonly id: string;
  readonly messageType: string;
  /** Of its error, if that had one. */
  readonly code?: string;
}

/** Reads a stored error. Whatever a foreign worker wrote there, this answers something readable. */
export function readJobError(json: string): JobError {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { code: "HANDLER_FAILED", message: json };
  }
  if (typeof value !== "object" || value === null) return { code: "HANDLER_FAILED", message: String(value) };
  const { code, message, name, stack, errors, issues, root } = value as Record<string, unknown>;
  const cause = readRoot(root);
  return {
    code: typeof code === "string" ? code : "HANDLER_FAILED",
    message: typeof message === "string" ? message : json,
    ...(typeof name === "string" && { name }),
    ...(typeof stack === "string" && { stack }),
    ...(Array.isArray(errors) && { errors: errors.map(readInner) }),
    ...(Array.isArray(issues) && { issues: issues.map(readIssue) }),
    ...(cause && { root: cause }),
  };
}

function readInner(error: unknown): { readonly name: string; readonly message: string } {
  const { name, message } = (error ?? {}) as Record<string, unknown>;
  return { name: String(name ?? ""), message: String(message ?? "") };
}

function readRoot(root: unknown): RootCause | undefined {
  const { id, messageType, code } = Object(root) as Record<string, unknown>;
  if (typeof id !== "string" || typeof messageType !== "string") return undefined;
  return { id, messageType, ...(typeof code === "string" && { code }) };
}

function readIssue(issue: unknown): Issue {
  const { path, message } = (issue ?? {}) as Record<string, unknown>;
  return { path: String(path ?? ""), message: String(message ?? "") };
}

/** A stored error as one to throw or to put in a `cause`. */
export function toThrowable({ code, message, name, stack, issues }: JobError): Error {
  const error: Error = isErrorCode(code)
    ? new QueueError(code, message, { ...(issues && { issues }) })
    : new Error(message);
  if (name !== undefined && !isErrorCode(code)) error.name = name;
  if (stack === undefined) return withoutStack(error);
  error.stack = stack;
  return error;
}
