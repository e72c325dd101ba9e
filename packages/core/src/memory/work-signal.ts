import type { WaitForWorkRequest } from "../engine/core.ts";
import type { Clock } from "../timing/clock.ts";

interface Waiter {
  readonly queues: ReadonlySet<string>;
  readonly wake: () => void;
}

/** Wakes those who wait for work on a queue. */
export class WorkSignal {
  readonly #waiters = new Set<Waiter>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wait({ queues, signal }: WaitForWorkRequest, timeout: number): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiters.delete(waiter);
        cancelTimer();
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const waiter = { queues: new Set(queues), wake };
      const cancelTimer = this.#clock.after(timeout, wake);
      signal.addEventListener("abort", wake);
      this.#waiters.add(waiter);
    });
  }

  wake(queue: string): void {
    if (this.#waiters.size === 0) return;
    for (const waiter of [...this.#waiters]) if (waiter.queues.has(queue)) waiter.wake();
  }

  wakeAll(): void {
    for (const waiter of [...this.#waiters]) waiter.wake();
  }
}
