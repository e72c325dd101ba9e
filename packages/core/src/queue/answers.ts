import { QueueError } from "../errors/queue-error.ts";
import type { Clock } from "../timing/clock.ts";

/** Longest to wait for an engine's answer: one that takes longer doesn't answer any more. */
export const LONGEST_ANSWER = 30_000;

/**
 * Waits for an engine's answers, but for none longer than it could be of use: a connection that died
 * half-open never answers, and must not take the app with it.
 */
export class Answers {
  readonly #clock: Clock;
  readonly #awaited = new Set<() => void>();
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws {QueueError} `ENGINE_UNAVAILABLE` when the time is over. A later answer goes to `onLate`. */
  within<T>(milliseconds: number, answer: Promise<T>, onLate?: (answer: T) => void): Promise<T> {
    if (this.#isStopped) return answer;
    return new Promise((resolve, reject) => {
      let hasGivenUp = false;
      const giveUp = () => {
        hasGivenUp = true;
        end();
        reject(new QueueError("ENGINE_UNAVAILABLE", `The engine didn't answer within ${milliseconds} ms.`));
      };
      const end = () => {
        cancelTimer();
        this.#awaited.delete(giveUp);
      };
      const cancelTimer = this.#clock.after(milliseconds, giveUp);
      this.#awaited.add(giveUp);
      answer.then(
        (value) => {
          if (hasGivenUp) {
            onLate?.(value);
            return;
          }
          end();
          resolve(value);
        },
        (error) => {
          end();
          reject(error);
        },
      );
    });
  }

  /** Gives up on what hasn't been answered. From now on no timer is set. */
  stop(): void {
    this.#isStopped = true;
    for (const giveUp of [...this.#awaited]) giveUp();
  }
}
