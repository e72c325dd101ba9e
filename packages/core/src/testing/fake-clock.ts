import { setImmediate as turn } from "node:timers/promises";
import type { CancelTimer, Clock } from "../timing/clock.ts";

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

  /** When the next timer is due, or `undefined` without timers. */
  get nextTimer(): number | undefined {
    return this.#next(() => true)?.due;
  }

  /**
   * Advances time and fires timers in order. Promises and immediates run between two timers, so timers that are set by
   * timers fire too.
   */
  async advance(milliseconds: number): Promise<void> {
    const target = this.#now + milliseconds;
    await settleTurns();
    const isEligible = ({ due }: FakeTimer) => due <= target;
    for (let timer = this.#next(isEligible); timer; timer = this.#next(isEligible)) await this.#fire(timer);
    this.#now = Math.max(this.#now, target);
  }

  /**
   * Like `advance`, but timers that are set during the skip fire only at its end, once. So a timer that repeats every
   * minute doesn't fire for each minute of a year. If `shouldStop` returns true after a timer, stops at that time.
   */
  async skip(milliseconds: number, shouldStop: () => boolean = () => false): Promise<void> {
    const target = this.#now + milliseconds;
    await settleTurns();
    // First the timers set before the skip, then, at its end, those set during it.
    for (const hasArrived of [false, true]) {
      if (hasArrived) this.#now = Math.max(this.#now, target);
      const before = this.#order;
      const isEligible = ({ due, order }: FakeTimer) => due <= target && order < before;
      for (let timer = this.#next(isEligible); timer; timer = this.#next(isEligible)) {
        await this.#fire(timer);
        if (shouldStop()) return;
      }
    }
  }

  async #fire(timer: FakeTimer): Promise<void> {
    this.#now = Math.max(this.#now, timer.due);
    this.#timers.delete(timer);
    timer.run();
    await settleTurns();
  }

  #next(isEligible: (timer: FakeTimer) => boolean): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (!isEligible(timer)) continue;
      if (!next || timer.due < next.due || (timer.due === next.due && timer.order < next.order)) next = timer;
    }
    return next;
  }
}

/** Waits a few turns of the event loop, enough for a chain of promises and immediates to settle. */
async function settleTurns(): Promise<void> {
  for (let index = 0; index < 5; index++) await turn();
}
