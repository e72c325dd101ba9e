import { ERROR_CODES, type ErrorCode } from "./codes.ts";

/** Survives two copies of the package in one process, where `instanceof` would not. */
const brand = Symbol.for("@org/queue/error");

export interface QueueErrorOptions {
  readonly cause?: unknown;
  /** Where and what was wrong, for errors about data and options. */
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
 * Every error this library throws. Tell them apart by `code`, not by class or message.
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
  /** Whether doing the same again may succeed. */
  readonly retryable: boolean;
  readonly issues: readonly Issue[];
  /**
   * Of a send that the engine didn't answer, or refused for now: its jobs' ids, in their order, generated ones
   * among them. A repeat of the send with the same ids stores each job once. Else empty.
   */
  readonly ids: readonly string[];

  constructor(code: ErrorCode, message: string, options: QueueErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = ERROR_CODES[code].retryable;
    this.issues = options.issues ?? [];
    this.ids = options.ids ?? [];
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Whether a value, of whatever kind, is this library's error and, when `code` is given, that one. Never throws. */
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

/** A send named a dependency that isn't known. Nothing of its batch was stored. */
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
 * Throw it in a handler to choose the pause before the next attempt, for example from a rate limit's
 * answer. It uses up an attempt like any other failure.
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
