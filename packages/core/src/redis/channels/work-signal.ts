import type { WaitForWorkRequest } from "../../engine/core.ts";
import { handlesText } from "../codec/handles.ts";
import type { RedisConnection } from "../connection/connection.ts";
import { scripts } from "../scripts.ts";
import type { EngineChannel } from "./engine-channel.ts";

interface Waiter {
  readonly queues: readonly string[];
  readonly wake: () => void;
}

/**
 * Waits for work without polling: the engine registers its name with the queues, and the step that makes a job runnable
 * wakes one of the registered engines. A wake-up that finds no waiter here is passed on to another engine.
 */
export class WorkSignal {
  readonly #connection: RedisConnection;
  readonly #channel: EngineChannel;
  readonly #name: string;
  readonly #waiters = new Set<Waiter>();
  #isClosed = false;

  constructor(connection: RedisConnection, channel: EngineChannel, name: string) {
    this.#connection = connection;
    this.#channel = channel;
    this.#name = name;
  }

  async wait({ queues, timeout, signal, handles }: WaitForWorkRequest): Promise<void> {
    if (signal.aborted) return;
    const until = performance.now() + timeout;
    let isWoken = false;
    let end = () => {
      isWoken = true;
    };
    const waiter: Waiter = { queues, wake: () => end() };
    this.#waiters.add(waiter);
    try {
      // Before registering, so that no wake-up is missed in between.
      await this.#channel.listen();
      const due = (await this.#connection.run(scripts.wait, [
        this.#name,
        Math.ceil(timeout),
        handlesText(handles),
        ...queues,
      ])) as number;
      const left = Math.min(until - performance.now(), due < 0 ? Number.POSITIVE_INFINITY : due);
      if (due === 0 || left <= 0 || isWoken || signal.aborted || this.#isClosed) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        end = () => {
          clearTimeout(timer);
          resolve();
        };
        signal.addEventListener("abort", end, { once: true });
      });
      signal.removeEventListener("abort", end);
    } catch (error) {
      if (!this.#isClosed) throw error;
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.wakeAll();
  }

  /** There may be work in a queue. */
  wake(queue: string): void {
    const waiters = [...this.#waiters].filter(({ queues }) => queues.includes(queue));
    for (const { wake } of waiters) wake();
    if (waiters.length > 0 || this.#isClosed) return;
    // Otherwise other waiting engines would sleep on. If this fails, their next poll finds the work.
    this.#connection.run(scripts.passWake, [queue]).catch(() => undefined);
  }

  wakeAll(): void {
    for (const { wake } of this.#waiters) wake();
  }
}
