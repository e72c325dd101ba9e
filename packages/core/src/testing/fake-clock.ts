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

  /** When the next timer is due, or `undefined` when none is set. */
  get nextTimer(): number | undefined {
    return this.#next(() => true)?.due;
  }

  /**
   * Moves time forward, firing what falls due in order. Between two instants everything that can go on
   * without time (promises, immediates) does, so that a timer set by a timer is seen.
   */
  async advance(milliseconds: number): Promise<void> {
    const target = this.#now + milliseconds;
    await settleTurns();
    const isEligible = ({ due }: FakeTimer) => due <= target;
    for (let timer = this.#next(isEligible); timer; timer = this.#next(isEligible)) await this.#fire(timer);
    this.#now = Math.max(this.#now, target);
  }

  /**
   * Moves time forward as `advance` does, but in one stride: the timers set by now fire in their time, those that are
   * set on the way not before its end, once. So what repeats every minute doesn't do so for each minute of a year.
   * Stops early, at the instant of the timer that fired last, when `isEnough` says so.
   */
  async skip(milliseconds: number, shouldStop: () => boolean = () => false): Promise<void> {
    const target = this.#now + milliseconds;
    await settleTurns();
    // On the way what is set by now, at its end what was set on the way.
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

/** A few turns of the event loop: enough for a chain of promises and immediates to come to rest. */
async function settleTurns(): Promise<void> {
  for (let index = 0; index < 5; index++) await turn();
}
