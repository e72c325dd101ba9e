import { isQueueError } from "../../errors/queue-error.ts";

/**
 * Reports an outage of the database once, whichever part of a store meets it first: each of them would say the same.
 * Errors of other kinds are always reported.
 */
export class OutageReport {
  #isReported = false;

  /** Calls `onError`, unless the error belongs to an outage that has been reported. */
  failed(error: unknown, onError: (error: unknown) => void): void {
    const isOutage = isQueueError(error, "DATABASE_UNAVAILABLE");
    if (isOutage && this.#isReported) return;
    this.#isReported ||= isOutage;
    onError(error);
  }

  /** The database has answered: the next outage is a new one. */
  answered(): void {
    this.#isReported = false;
  }
}
