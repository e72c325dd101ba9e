import type { Logger } from "./logger.ts";

/**
 * Calls a function of the app that nobody awaits. What it throws, or rejects with, goes to `onError`, which must
 * not throw.
 */
export function callSafely(run: () => unknown, onError: (error: unknown) => void): void {
  try {
    const returned = run();
    // Functions of a type that returns nothing may be asynchronous all the same.
    if (typeof returned === "object" && returned !== null) Promise.resolve(returned).then(undefined, onError);
  } catch (error) {
    onError(error);
  }
}

/**
 * Calls functions of the app. An error of one is logged the first time, and otherwise ignored: it reaches neither
 * the library nor the other functions.
 */
export class CallbackGuard {
  readonly #what: string;
  readonly #logger: () => Logger;
  readonly #failed = new WeakSet<object>();

  /** `what` begins the log line: "A listener of the queue". */
  constructor(what: string, logger: () => Logger) {
    this.#what = what;
    this.#logger = logger;
  }

  call<Args extends readonly unknown[]>(callback: (...args: Args) => unknown, ...args: Args): void {
    callSafely(
      () => callback(...args),
      (error) => this.#report(callback, error),
    );
  }

  #report(callback: object, error: unknown): void {
    if (this.#failed.has(callback)) return;
    this.#failed.add(callback);
    this.#logger().error(
      `${this.#what} threw or rejected. This is logged once; it is called as before.`,
      error,
    );
  }
}
