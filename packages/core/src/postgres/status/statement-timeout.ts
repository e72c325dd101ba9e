import { QueueError } from "../../errors/queue-error.ts";
import { withTimeout } from "../../timing/with-timeout.ts";

/** Milliseconds. */
const STATEMENT_TIMEOUT = 3_000;
/** Each holds a connection of the app's pool. */
const MAX_UNANSWERED = 3;

/**
 * Runs statements that may be repeated, with a timeout: a connection that a router has forgotten never fails by
 * itself. Waits while too many earlier statements are still unanswered.
 */
export class StatementTimeout {
  readonly #unanswered = new Set<Promise<void>>();

  /** @throws {QueueError} `DATABASE_UNAVAILABLE` when the time is over; what the work throws. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#unanswered.size >= MAX_UNANSWERED) await Promise.race(this.#unanswered);
    const answer = work();
    return withTimeout(answer, {
      milliseconds: STATEMENT_TIMEOUT,
      createError: (milliseconds) => {
        this.#addUnanswered(answer);
        return new QueueError(
          "DATABASE_UNAVAILABLE",
          `Postgres didn't answer a statement within ${milliseconds / 1_000} seconds: the connection is dead, ` +
            "or a long transaction holds the lock of a row. The statement is repeated.",
        );
      },
    });
  }

  #addUnanswered(answer: Promise<unknown>): void {
    const settled = answer
      .catch(() => {})
      .then(() => {
        this.#unanswered.delete(settled);
      });
    this.#unanswered.add(settled);
  }
}
