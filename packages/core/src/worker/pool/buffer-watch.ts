import { type Clock, monotonicNow } from "../../timing/clock.ts";
import type { AttemptPool } from "./attempt-pool.ts";

/** Milliseconds that a buffered job waits for the handlers that run. Then another worker may have it. */
const BUFFER_TIMEOUT = 250;

/** Releases buffered jobs when the running handlers turn out to be slow. */
export class BufferWatch {
  readonly #clock: Clock;
  readonly #pool: AttemptPool;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, pool: AttemptPool) {
    this.#clock = clock;
    this.#pool = pool;
  }

  /** Watches for as long as something is buffered. */
  start(): void {
    if (this.#pool.buffered > 0 && !this.#cancelTimer) this.#watch(BUFFER_TIMEOUT);
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #watch(delay: number): void {
    this.#cancelTimer = this.#clock.after(delay, () => {
      this.#cancelTimer = undefined;
      const now = monotonicNow(this.#clock);
      this.#pool.releaseWaiting(now - BUFFER_TIMEOUT);
      if (this.#pool.buffered > 0) this.#watch(this.#pool.waitingSince + BUFFER_TIMEOUT - now);
    });
  }
}
