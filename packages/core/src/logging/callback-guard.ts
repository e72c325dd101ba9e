import type { Logger } from "./logger.ts";

/** Calls a function of the app without awaiting it. Its error, thrown or rejected, goes to `onError`, which must not throw. */
export function callSafely(run: () => unknown, onError: (error: unknown) => void): void {
  try {
    const returned = run();
    // A function whose type returns nothing may still be asynchronous.
    if (typeof returned === "object" && returned !== null) Promise.resolve(returned).then(undefined, onError);
  } catch (error) {
    onError(error);
  }
}

/**
 * Whether a function of the app that must be synchronous returned a promise. The caller refuses it. Its rejection is
 * ignored here, because an unhandled one ends the process.
 */
export function discardPromise(returned: unknown): boolean {
  if (typeof returned !== "object" || returned === null) return false;
  try {
    if (typeof (returned as { then?: unknown }).then !== "function") return false;
  } catch {
    return false;
  }
  callSafely(
    () => returned,
    () => {},
  );
  return true;
}

/** Calls functions of the app. Reports the first error of each function, thrown or rejected, and ignores further ones. */
export class CallbackGuard {
  readonly #report: (error: unknown) => void;
  readonly #failed = new WeakSet<object>();

  /** `report` must not throw. */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  call<Args extends readonly unknown[]>(callback: (...args: Args) => unknown, ...args: Args): void {
    callSafely(
      () => callback(...args),
      (error) => {
        if (this.#failed.has(callback)) return;
        this.#failed.add(callback);
        this.#report(error);
      },
    );
  }
}

/** The `report` of a guard that logs. `what` begins the line: "A listener of the queue". */
export function logFailure(what: string, logger: () => Logger): (error: unknown) => void {
  return (error) =>
    logger().error(
      `${what} threw or rejected. This is logged once, and the function is still called.`,
      error,
    );
}
