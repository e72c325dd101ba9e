import { backoffDelay } from "../../timing/backoff.ts";
import type { Clock } from "../../timing/clock.ts";

/** An engine is mostly away for as long as it takes to reconnect. */
const RETRY_BACKOFF = { first: 50, max: 5_000, jitter: 0.5 };

/** Jobs for which a call failed, to be tried again together after a pause that grows with each failure in a row. */
export class Retries {
  readonly #clock: Clock;
  readonly #retry: (ids: readonly string[]) => void;
  readonly #ids = new Set<string>();
  #failures = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, retry: (ids: readonly string[]) => void) {
    this.#clock = clock;
    this.#retry = retry;
  }

  add(id: string): void {
    this.#ids.add(id);
    this.#cancel ??= this.#clock.after(backoffDelay(RETRY_BACKOFF, ++this.#failures), () => {
      const ids = [...this.#ids];
      this.#reset();
      this.#retry(ids);
    });
  }

  /** A call succeeded. */
  noteSuccess(): void {
    if (this.#cancel === undefined) this.#failures = 0;
  }

  clear(): void {
    this.#cancel?.();
    this.#reset();
    this.#failures = 0;
  }

  #reset(): void {
    this.#ids.clear();
    this.#cancel = undefined;
  }
}
