import { QueueError } from "../errors/queue-error.ts";
import type { CancelTimer, Clock } from "./clock.ts";
import { withTimeout } from "./with-timeout.ts";

/** Milliseconds after which an engine's answer isn't worth waiting for. */
export const ENGINE_TIMEOUT = 30_000;

/** Limits the time of calls to an engine: each by a timeout of its own, and all of them by `expire`. */
export class Deadline {
  readonly #clock: Clock;
  readonly #pending = new Set<() => void>();
  readonly #timers: Pick<Clock, "after"> = { after: (delay, run) => this.#after(delay, run) };
  #isExpired = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws {QueueError} `ENGINE_UNAVAILABLE` when the time is over. An answer that comes later goes to `onLate`. */
  limit<T>(call: Promise<T>, milliseconds: number, onLate?: (answer: T) => void): Promise<T> {
    if (this.#isExpired) return call;
    return withTimeout(call, { milliseconds, createError: unanswered, onLate, clock: this.#timers });
  }

  /** Rejects pending calls, and sets no timer for later ones. */
  expire(): void {
    this.#isExpired = true;
    for (const run of [...this.#pending]) run();
  }

  #after(delay: number, run: () => void): CancelTimer {
    const cancelTimer = this.#clock.after(delay, run);
    this.#pending.add(run);
    return () => {
      cancelTimer();
      this.#pending.delete(run);
    };
  }
}

function unanswered(milliseconds: number): QueueError {
  return new QueueError("ENGINE_UNAVAILABLE", `The engine didn't answer within ${milliseconds} ms.`);
}
