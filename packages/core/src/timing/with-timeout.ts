import { type Clock, systemClock } from "./clock.ts";

export interface TimeoutOptions<T> {
  readonly milliseconds: number;
  /** The error to reject with when the time is over. */
  readonly createError: (milliseconds: number) => Error;
  /** Is given the value of a promise that fulfills after its time. */
  readonly onLate?: ((value: T) => void) | undefined;
  /** @default the system's clock */
  readonly clock?: Pick<Clock, "after"> | undefined;
}

/**
 * The promise, but rejected when it takes too long: a connection that died half-open never answers. A rejection that
 * comes later is ignored.
 */
export function withTimeout<T>(
  promise: Promise<T>,
  { milliseconds, createError, onLate, clock = systemClock }: TimeoutOptions<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const cancelTimer = clock.after(milliseconds, () => {
      isOver = true;
      cancelTimer();
      reject(createError(milliseconds));
    });
    promise.then(
      (value) => {
        if (isOver) {
          onLate?.(value);
          return;
        }
        cancelTimer();
        resolve(value);
      },
      (error) => {
        cancelTimer();
        reject(error);
      },
    );
  });
}

/** Whether the promise fulfills in time. Rejects when it rejects in time; what comes later is ignored. */
export function fulfillsWithin(
  promise: Promise<unknown>,
  milliseconds: number,
  clock: Pick<Clock, "after"> = systemClock,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const cancelTimer = clock.after(milliseconds, () => resolve(false));
    promise.then(
      () => {
        cancelTimer();
        resolve(true);
      },
      (error) => {
        cancelTimer();
        reject(error);
      },
    );
  });
}
