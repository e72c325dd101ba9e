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

/** `setTimeout` fires at once for longer delays: some 24.8 days. */
const MAX_TIMEOUT = 2 ** 31 - 1;

export const systemClock: Clock = Object.freeze<Clock>({
  now: Date.now,
  monotonic: () => performance.now(),
  after(delay, run) {
    if (delay > MAX_TIMEOUT) return afterLong(delay, run);
    const timer = setTimeout(run, Math.max(0, delay));
    return () => clearTimeout(timer);
  },
});

/** One timer after the other. */
function afterLong(delay: number, run: () => void): CancelTimer {
  let cancel = systemClock.after(MAX_TIMEOUT, () => {
    cancel = systemClock.after(delay - MAX_TIMEOUT, run);
  });
  return () => cancel();
}

export function monotonicNow(clock: Clock): number {
  return clock.monotonic === undefined ? clock.now() : clock.monotonic();
}
