/** Time as engines and workers see it. Injected, so that tests decide when it passes. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /**
   * Milliseconds since an arbitrary start that no change of the system's time moves. A worker measures its
   * leases and durations by it; `now()` stands in where it is absent.
   */
  monotonic?(): number;
  /** Calls `run` once, `delay` milliseconds from now, unless cancelled. */
  after(delay: number, run: () => void): CancelTimer;
}

export type CancelTimer = () => void;

/** `setTimeout` fires at once for longer delays. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

export const systemClock: Clock = Object.freeze<Clock>({
  now: Date.now,
  monotonic: () => performance.now(),
  after(delay, run) {
    const timer = setTimeout(run, Math.min(Math.max(0, delay), LONGEST_TIMEOUT));
    return () => clearTimeout(timer);
  },
});

export function monotonicNow(clock: Clock): number {
  return clock.monotonic === undefined ? clock.now() : clock.monotonic();
}
