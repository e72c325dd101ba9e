import { QueueError } from "../../errors/queue-error.ts";
import { within } from "../within.ts";

/** Longest that a statement is waited for, in milliseconds. */
const LONGEST_ANSWER = 3_000;
/** Each holds a connection of the app's pool. */
const MAX_UNANSWERED = 3;

/**
 * Runs statements that may be repeated, and gives up on those that aren't answered: a connection that a router has
 * forgotten never fails by itself. Of those that are still under way there are never more than a few.
 */
export class Patience {
  readonly #unanswered = new Set<Promise<void>>();

  /** @throws {QueueError} `DATABASE_UNAVAILABLE` when the time is over; what the work throws. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#unanswered.size >= MAX_UNANSWERED) await Promise.race(this.#unanswered);
    const answer = work();
    return within(LONGEST_ANSWER, answer, () => {
      this.#giveUpOn(answer);
      return new QueueError(
        "DATABASE_UNAVAILABLE",
        `Postgres didn't answer a statement within ${LONGEST_ANSWER / 1_000} seconds: the connection is dead, ` +
          "or a long transaction holds the lock of a row. The statement is repeated.",
      );
    });
  }

  #giveUpOn(answer: Promise<unknown>): void {
    const late = answer.then(
      () => {},
      () => {},
    );
    const ended = late.then(() => {
      this.#unanswered.delete(ended);
    });
    this.#unanswered.add(ended);
  }
}
