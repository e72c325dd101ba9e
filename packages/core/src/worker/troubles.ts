import { isQueueError } from "../errors/queue-error.ts";
import type { Logger } from "../logging/logger.ts";

const FIRST_PAUSE = 100;
/** A server that is back is noticed soon; a call on a lost connection costs next to nothing. */
const LONGEST_PAUSE = 2_000;

/**
 * What goes wrong between a worker and its engine. Each operation's trouble is told once when it begins
 * and once when it is over, however often it is retried in between. A closed engine won't open again.
 */
export class Troubles {
  readonly #logger: Logger;
  readonly #onClosed: () => void;
  readonly #failures = new Map<string, number>();
  #isClosed = false;

  constructor(logger: Logger, onClosed: () => void) {
    this.#logger = logger;
    this.#onClosed = onClosed;
  }

  /** Notes a failure and answers the milliseconds to wait before trying again. */
  failed(operation: string, error: unknown): number {
    if (isQueueError(error, "CLOSED")) this.#close();
    if (this.#isClosed) return LONGEST_PAUSE;
    const failures = (this.#failures.get(operation) ?? 0) + 1;
    this.#failures.set(operation, failures);
    if (failures === 1) this.#logger.error(`The worker couldn't ${operation}; it goes on trying.`, error);
    return Math.min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE);
  }

  succeeded(operation: string): void {
    if (this.#failures.size === 0 || !this.#failures.delete(operation)) return;
    this.#logger.warn(`The worker can ${operation} again.`);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#logger.error("The engine was closed, so the worker stops. Stop workers before closing it.");
    this.#onClosed();
  }
}
