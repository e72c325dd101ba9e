import type { ErrorCode } from "./codes.ts";
import { isRetryable } from "./retryable-codes.ts";

/** Shared by all copies of the package in a process, unlike `instanceof`. */
const brand = Symbol.for("@org/queue/error");

export interface QueueErrorOptions {
  readonly cause?: unknown;
  /** What was wrong where, of errors about data and options. */
  readonly issues?: readonly Issue[];
  /** The jobs of a send that may or may not have been stored. */
  readonly ids?: readonly string[];
}

/** One problem with one value. */
export interface Issue {
  /** Dotted path into the value, `""` for the value itself. */
  readonly path: string;
  readonly message: string;
}

/**
 * Every error this library throws. Distinguish them by `code`, not by class or message.
 *
 * @example
 * try {
 *   await queue.send(planCreate, data);
 * } catch (error) {
 *   if (isQueueError(error, "INVALID_DATA")) return error.issues;
 *   throw error;
 * }
 */
export class QueueError extends Error {
  override readonly name: string = "QueueError";
  readonly code: ErrorCode;
  /** Whether a repeat may succeed. */
  readonly retryable: boolean;
  readonly issues: readonly Issue[];
  /**
   * The ids of a send's jobs, in order and including generated ones, when the engine didn't answer the send or
   * refused it for now. Repeat the send with the same ids: each job is stored once. Otherwise empty.
   */
  readonly ids: readonly string[];

  constructor(code: ErrorCode, message: string, options: QueueErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = isRetryable(code);
    this.issues = options.issues ?? [];
    this.ids = options.ids ?? [];
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Whether any value is an error of this library, with `code` if given. Never throws. */
export function isQueueError<Code extends ErrorCode>(
  value: unknown,
  code?: Code,
): value is QueueError & { readonly code: Code } {
  if (typeof value !== "object" || value === null) return false;
  try {
    return (value as Branded)[brand] === true && (code === undefined || (value as Branded).code === code);
  } catch {
    // A proxy, or a getter that throws.
    return false;
  }
}

interface Branded {
  readonly [brand]?: unknown;
  readonly code?: unknown;
}

/** A send named an unknown dependency. Nothing of its batch was stored. */
export class DependencyNotFoundError extends QueueError {
  override readonly name = "DependencyNotFoundError";
  /** The unknown ids. */
  readonly missing: readonly string[];

  constructor(missing: readonly string[]) {
    super(
      "DEPENDENCY_NOT_FOUND",
      `No job is known with the id ${missing.map((id) => `"${id}"`).join(", ")}. Nothing was stored. ` +
        "Send the dependency first, or both in one sendMany with a ref.",
    );
    this.missing = missing;
  }
}

/** The engine lacks a capability that the call needs. */
export class UnsupportedByEngineError extends QueueError {
  override readonly name = "UnsupportedByEngineError";

  constructor(engine: string, capability: string) {
    super("UNSUPPORTED_BY_ENGINE", `The ${engine} engine doesn't offer ${capability}.`);
  }
}

/**
 * Throw it in a handler when no retry can help: the job fails at once.
 *
 * @example
 * if (!plan) throw new UnrecoverableError(`Plan ${data.planId} was deleted`);
 */
export class UnrecoverableError extends QueueError {
  override readonly name = "UnrecoverableError";

  constructor(message: string, options?: QueueErrorOptions) {
    super("UNRECOVERABLE", message, options);
  }
}

/**
 * Throw it in a handler to choose the pause before the next attempt, for example from a `Retry-After` header. It
 * uses up an attempt like any other failure.
 *
 * @example
 * if (response.status === 429) throw new RetryAfterError(30_000);
 */
export class RetryAfterError extends QueueError {
  override readonly name = "RetryAfterError";
  /** Milliseconds. */
  readonly delay: number;

  constructor(delay: number, message = `Retry after ${String(delay)} ms`, options?: QueueErrorOptions) {
    super("RETRY_AFTER", message, options);
    if (!Number.isFinite(delay) || delay < 0) {
      throw new QueueError(
        "INVALID_OPTIONS",
        `RetryAfterError takes milliseconds from 0 up, not ${String(delay)}.`,
      );
    }
    this.delay = delay;
  }
}
