import * as z from "zod/mini";
import { messageOf } from "../errors/thrown.ts";
import { CallbackGuard, callSafely, logFailure } from "./callback-guard.ts";

/**
 * Receives what the library can't report through a call of the app. `console` is one. Each line begins with the
 * package's name. A logger may be asynchronous; when it throws or rejects, the line goes to the console instead.
 */
export interface Logger {
  /** The library continues, but something needs attention. */
  warn(message: string, error?: unknown): void;
  /** Something failed. */
  error(message: string, error?: unknown): void;
}

const PREFIX = "@org/queue: ";

/** The schema of an option that takes a `Logger`. */
export function loggerOption() {
  return z.custom<Logger>(isLogger, "expected { warn(message, error?), error(message, error?) }");
}

/** Wraps a logger: each line begins with the package's name, and no method throws or leaves a rejection unhandled. */
export function safeLogger(logger: Logger): Logger {
  return logger instanceof SafeLogger ? logger : new SafeLogger(logger);
}

class SafeLogger implements Logger {
  readonly #logger: Logger;
  #hasFailed = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  warn(message: string, error?: unknown): void {
    this.#log("warn", message, error);
  }

  error(message: string, error?: unknown): void {
    this.#log("error", message, error);
  }

  #log(level: keyof Logger, message: string, error: unknown): void {
    const line = `${PREFIX}${message}`;
    callSafely(
      () => (error === undefined ? this.#logger[level](line) : this.#logger[level](line, error)),
      (failure) => this.#fallBack(level, line, error, failure),
    );
  }

  /** The error may be why the logger failed, since it may be anything. Only its text is logged. */
  #fallBack(level: keyof Logger, line: string, error: unknown, failure: unknown): void {
    const lines = [error === undefined ? line : `${line} ${messageOf(error)}`];
    if (!this.#hasFailed) {
      lines.push(`${PREFIX}The logger failed; this is reported once. ${messageOf(failure)}`);
    }
    this.#hasFailed = true;
    try {
      for (const text of lines) console[level](text);
    } catch {
      // There is nowhere left to report it.
    }
  }
}

/** Reads the methods of `console` at each call, because apps and test runners replace them. */
export const consoleLogger: Logger = safeLogger({
  warn: (...line) => console.warn(...line),
  error: (...line) => console.error(...line),
});

/** Wraps an `onError` of the app: it never throws or leaves a rejection unhandled. `what` begins its log line. */
export function safeOnError(what: string, onError: (error: unknown) => unknown): (error: unknown) => void {
  const guard = new CallbackGuard(logFailure(what, () => consoleLogger));
  return (error) => guard.call(onError, error);
}

function isLogger(value: unknown): boolean {
  const { warn, error } = Object(value) as Partial<Logger>;
  return typeof warn === "function" && typeof error === "function";
}
