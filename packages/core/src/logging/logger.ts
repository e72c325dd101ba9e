import * as z from "zod/mini";
import { messageOf } from "../errors/thrown.ts";
import { CallbackGuard, callSafely, logFailure } from "./callback-guard.ts";

/**
 * Where the library logs what no call of the app can report. `console` fits. Each line begins with the package's
 * name. A logger may be asynchronous; when it throws or rejects, the line goes to the console instead.
 */
export interface Logger {
  /** The library goes on, but something deserves a look. */
  warn(message: string, error?: unknown): void;
  /** Something doesn't work. */
  error(message: string, error?: unknown): void;
}

const PREFIX = "@org/queue: ";

/** An option that takes a `Logger`. */
export function loggerOption() {
  return z.custom<Logger>(isLogger, "expected { warn(message, error?), error(message, error?) }");
}

/** The logger with the package's name before each line. Its methods never throw, and never leave a rejection. */
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

  /** The logger may have failed over the error: it may be anything, so only its text is passed on. */
  #fallBack(level: keyof Logger, line: string, error: unknown, failure: unknown): void {
    const lines = [error === undefined ? line : `${line} ${messageOf(error)}`];
    if (!this.#hasFailed) {
      lines.push(`${PREFIX}The logger failed; this is reported once. ${messageOf(failure)}`);
    }
    this.#hasFailed = true;
    try {
      for (const text of lines) console[level](text);
    } catch {
      // Nothing is left to report it to.
    }
  }
}

/** Reads `console` at each call: apps and test runners replace its methods. */
export const consoleLogger: Logger = safeLogger({
  warn: (...line) => console.warn(...line),
  error: (...line) => console.error(...line),
});

/** An `onError` of the app as one that never throws, and never leaves a rejection. `what` begins its log line. */
export function safeOnError(what: string, onError: (error: unknown) => unknown): (error: unknown) => void {
  const guard = new CallbackGuard(logFailure(what, () => consoleLogger));
  return (error) => guard.call(onError, error);
}

function isLogger(value: unknown): boolean {
  const { warn, error } = Object(value) as Partial<Logger>;
  return typeof warn === "function" && typeof error === "function";
}
