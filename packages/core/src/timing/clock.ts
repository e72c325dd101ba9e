/** The time of engines and workers. It is injected, so that tests control it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /**
   * Milliseconds since an arbitrary start, unaffected by changes of the system's time. Workers measure leases and
   * durations with it. @default `now()`
   */
  monotonic?(): number;
  /** Calls `run` once after `delay` milliseconds, unless it is cancelled. */
  after(delay: number, run: () => void): CancelTimer;
}

export type CancelTimer = () => void;

/** `setTimeout` fires at once for longer delays, 24.8 days. */
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

/** Sets one timer after the other. */
function afterLong(delay: number, run: () => void): CancelTimer {
  let cancel = systemClock.after(MAX_TIMEOUT, () => {
    cancel = systemClock.after(delay - MAX_TIMEOUT, run);
  });
  return () => cancel();
}

export function monotonicNow(clock: Clock): number {
  return clock.monotonic === undefined ? clock.now() : clock.monotonic();
}
