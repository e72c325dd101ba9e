/** Work to hold ready, in milliseconds: enough to cover a round trip, little enough to share jobs fairly. */
const BUFFERED_TIME = 20;
/** Weight of the newest duration in the moving average: the last ten or so jobs decide. */
const NEWEST_WEIGHT = 0.2;

/**
 * How many jobs to hold ready beyond the running ones, by the exponential moving average of handler durations. It is
 * zero before the first handler has ended and while handlers are slow: another worker could run the jobs sooner.
 */
export class Prefetch {
  readonly #concurrency: number;
  readonly #max: number;
  #average: number | undefined;
  #isSuspended = false;

  constructor(concurrency: number, max: number) {
    this.#concurrency = concurrency;
    this.#max = max;
  }

  /** Records the duration of a handler, in milliseconds. */
  record(duration: number): void {
    this.#isSuspended = false;
    this.#average =
      this.#average === undefined ? duration : this.#average + NEWEST_WEIGHT * (duration - this.#average);
  }

  /** Holds nothing until a handler ends: those that run now take longer than the average. */
  suspend(): void {
    this.#isSuspended = true;
  }

  get size(): number {
    if (this.#average === undefined || this.#isSuspended) return 0;
    if (this.#average <= 0) return this.#max;
    return Math.min(this.#max, Math.floor((this.#concurrency * BUFFERED_TIME) / this.#average));
  }
}
