import { isQueueError, type QueueError } from "../errors/queue-error.ts";
import type { Logger } from "../logging/logger.ts";
import { backoffDelay } from "../timing/backoff.ts";

/** A short maximum notices soon that a server is back, and a call on a lost connection costs next to nothing. */
const RETRY_BACKOFF = { first: 100, max: 2_000 };

/**
 * Logs the failures of a worker's calls to its engine: for each operation, the first failure and the success that ends
 * it, however many retries are in between. Before the first answer, one line for all operations. An engine that is
 * closed stays closed.
 */
export class FailureLog {
  /**
   * Resolves with the engine's first answer or retryable error. Rejects when the first error isn't retryable: a wrong
   * password, an evicting server, a closed engine. That error isn't logged.
   */
  readonly ready: Promise<void>;
  readonly #logger: Logger;
  #onClosed: () => void = () => {};
  readonly #failures = new Map<string, number>();
  #settleReady: ((refusal?: unknown) => void) | undefined;
  #hasAnswered = false;
  /** Failures by operation before the engine's first answer: they have one cause, and one line tells of it. */
  readonly #unanswered = new Map<string, number>();
  #isRefused = false;
  #isClosed = false;

  constructor(logger: Logger) {
    this.#logger = logger;
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = (refusal) => (refusal === undefined ? resolve() : reject(refusal));
    });
  }

  /** Calls the listener, of which there is one, when a call finds the engine closed. */
  onClosed(listener: () => void): void {
    this.#onClosed = listener;
  }

  /** Whether the engine has ever answered. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** Records a failure, and returns the milliseconds to wait before the next try. */
  failed(operation: string, error: unknown): number {
    if (this.#settleReady) {
      this.#isRefused = isQueueError(error) && !error.retryable;
      this.#settleReady(this.#isRefused ? error : undefined);
      this.#settleReady = undefined;
    }
    if (this.#isRefused) return RETRY_BACKOFF.max;
    if (isQueueError(error, "CLOSED")) this.#close();
    if (this.#isClosed) return RETRY_BACKOFF.max;
    if (!this.#hasAnswered && isQueueError(error) && error.retryable) return this.#notYet(operation, error);
    const failures = (this.#failures.get(operation) ?? 0) + 1;
    this.#failures.set(operation, failures);
    if (failures === 1) this.#logger.error(`The worker couldn't ${operation}. It keeps trying.`, error);
    return backoffDelay(RETRY_BACKOFF, failures);
  }

  /** Records a success. */
  succeeded(operation: string): void {
    if (!this.#hasAnswered) {
      this.#hasAnswered = true;
      this.#settleReady?.();
      this.#settleReady = undefined;
      if (this.#unanswered.size > 0) this.#logger.warn("The worker has reached its engine.");
      this.#unanswered.clear();
    }
    if (this.#failures.size === 0 || !this.#failures.delete(operation)) return;
    this.#logger.warn(`The worker can ${operation} again.`);
  }

  /** Resolves `ready` if it is pending. */
  stop(): void {
    this.#settleReady?.();
    this.#settleReady = undefined;
  }

  #notYet(operation: string, { message }: QueueError): number {
    if (this.#unanswered.size === 0) {
      this.#logger.warn(
        `The worker has started, but can't reach its engine yet. It keeps trying. ${message}`,
      );
    }
    const failures = (this.#unanswered.get(operation) ?? 0) + 1;
    this.#unanswered.set(operation, failures);
    return backoffDelay(RETRY_BACKOFF, failures);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#logger.error("The engine was closed, so the worker stops. Stop workers before closing it.");
    this.#onClosed();
  }
}
