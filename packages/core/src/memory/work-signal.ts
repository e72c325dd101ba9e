import type { WaitForWorkRequest } from "../engine/core.ts";
import type { Clock } from "../timing/clock.ts";
import { type HandledMessages, isHandled, resolveHandled } from "./handled-messages.ts";
import type { StoredJob } from "./stored-job.ts";

interface Waiter {
  readonly queues: ReadonlySet<string>;
  readonly handled: HandledMessages;
  readonly wake: () => void;
}

/** Wakes those who wait for work that they handle. */
export class WorkSignal {
  readonly #waiters = new Set<Waiter>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wait({ queues, signal, handles }: WaitForWorkRequest, timeout: number): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiters.delete(waiter);
        cancelTimer();
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const waiter = { queues: new Set(queues), handled: resolveHandled(handles), wake };
      const cancelTimer = this.#clock.after(timeout, wake);
      signal.addEventListener("abort", wake);
      this.#waiters.add(waiter);
    });
  }

  /** A job became runnable, or scheduled. */
  wake(job: StoredJob): void {
    if (this.#waiters.size === 0) return;
    const { messageType, version } = job.spec.envelope;
    for (const { queues, handled, wake } of [...this.#waiters]) {
      if (queues.has(job.queue.name) && isHandled(handled, messageType, version)) wake();
    }
  }

  wakeQueue(queue: string): void {
    for (const { queues, wake } of [...this.#waiters]) if (queues.has(queue)) wake();
  }

  wakeAll(): void {
    for (const { wake } of [...this.#waiters]) wake();
  }
}
