import { setImmediate as turn } from "node:timers/promises";
import type { CancelTimer, Clock } from "../engine/clock.ts";

interface FakeTimer {
  readonly due: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * A clock that stands still until a test advances it.
 *
 * @example
 * const clock = new FakeClock();
 * clock.after(1_000, () => console.log("a second later"));
 * await clock.advance(1_000);
 */
export class FakeClock implements Clock {
  #now: number;
  #order = 0;
  readonly #timers = new Set<FakeTimer>();

  constructor(start: number | Date = Date.UTC(2026, 0, 1)) {
    this.#now = Number(start);
  }

  now(): number {
    return this.#now;
  }

  after(delay: number, run: () => void): CancelTimer {
    const timer = { due: this.#now + Math.max(0, delay), order: this.#order++, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** When the next timer is due, or `undefined` when none is set. */
  get nextTimer(): number | undefined {
    return this.#next()?.due;
  }

  /**
   * Moves time forward, firing what falls due in order. Between two instants everything that can go on
   * without time (promises, immediates) does, so that a timer set by a timer is seen.
   */
  async advance(milliseconds: number): Promise<void> {
    const target = this.#now + milliseconds;
    await settle();
    for (let timer = this.#next(); timer && timer.due <= target; timer = this.#next()) {
      this.#now = Math.max(this.#now, timer.due);
      this.#timers.delete(timer);
      timer.run();
      await settle();
    }
    this.#now = Math.max(this.#now, target);
  }

  #next(): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (!next || timer.due < next.due || (timer.due === next.due && timer.order < next.order)) next = timer;
    }
    return next;
  }
}

/** A few turns of the event loop: enough for a chain of promises and immediates to come to rest. */
async function settle(): Promise<void> {
  for (let index = 0; index < 5; index++) await turn();
}
