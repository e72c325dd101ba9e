import { isQueueError } from "../errors/queue-error.ts";
import type { Logger } from "../logging/logger.ts";
import { backoffDelay } from "../timing/backoff.ts";

/** Short at most: a server that is back is noticed soon, and a call on a lost connection costs next to nothing. */
const RETRY_BACKOFF = { first: 100, max: 2_000 };

/**
 * What goes wrong between a worker and its engine. Each operation's trouble is told once when it begins
 * and once when it is over, however often it is retried in between. A closed engine won't open again.
 */
export class FailureLog {
  /**
   * Resolves with the engine's first answer, or its first error that may pass. Rejects with an error that won't: a
   * wrong password, an evicting server, a closed engine. That one isn't logged.
   */
  readonly usable: Promise<void>;
  readonly #logger: Logger;
  #onClosed: () => void = () => {};
  readonly #failures = new Map<string, number>();
  #decide: ((refusal?: unknown) => void) | undefined;
  #hasAnswered = false;
  #isRefused = false;
  #isClosed = false;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.usable = new Promise((resolve, reject) => {
      this.#decide = (refusal) => (refusal === undefined ? resolve() : reject(refusal));
    });
  }

  /** Calls the listener when the engine turns out to be closed, for good. There is one. */
  onClosed(listener: () => void): void {
    this.#onClosed = listener;
  }

  /** Whether the engine has ever answered. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** Notes a failure and answers the milliseconds to wait before trying again. */
  failed(operation: string, error: unknown): number {
    if (this.#decide) {
      this.#isRefused = isQueueError(error) && !error.retryable;
      this.#decide(this.#isRefused ? error : undefined);
      this.#decide = undefined;
    }
    if (this.#isRefused) return RETRY_BACKOFF.max;
    if (isQueueError(error, "CLOSED")) this.#close();
    if (this.#isClosed) return RETRY_BACKOFF.max;
    const failures = (this.#failures.get(operation) ?? 0) + 1;
    this.#failures.set(operation, failures);
    if (failures === 1) this.#logger.error(`The worker couldn't ${operation}; it goes on trying.`, error);
    return backoffDelay(RETRY_BACKOFF, failures);
  }

  succeeded(operation: string): void {
    if (!this.#hasAnswered) {
      this.#hasAnswered = true;
      this.#decide?.();
      this.#decide = undefined;
    }
    if (this.#failures.size === 0 || !this.#failures.delete(operation)) return;
    this.#logger.warn(`The worker can ${operation} again.`);
  }

  /** Nobody need wait any longer whether the engine will do. */
  stop(): void {
    this.#decide?.();
    this.#decide = undefined;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#logger.error("The engine was closed, so the worker stops. Stop workers before closing it.");
    this.#onClosed();
  }
}
