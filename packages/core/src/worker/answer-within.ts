import type { Clock } from "../engine/clock.ts";
import { QueueError } from "../errors/queue-error.ts";

/**
 * Waits for an engine's answer, but no longer than it could be of use: a connection that died half-open
 * never answers, and must not take the worker with it.
 *
 * @throws {QueueError} `ENGINE_UNAVAILABLE` when the time is over. A later answer is ignored.
 */
export function answerWithin<T>(clock: Clock, milliseconds: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancelTimer = clock.after(milliseconds, () =>
      reject(new QueueError("ENGINE_UNAVAILABLE", `The engine didn't answer within ${milliseconds} ms.`)),
    );
    answer.then(
      (value) => {
        cancelTimer();
        resolve(value);
      },
      (error) => {
        cancelTimer();
        reject(error);
      },
    );
  });
}
