/** How much work to hold ready: long enough to cover a round trip, short enough to share jobs fairly. */
const BUFFERED_MILLISECONDS = 20;
/** Weight of the newest duration in the moving average: some ten jobs decide. */
const NEWEST_WEIGHT = 0.2;

/**
 * How many jobs to hold ready beyond the running ones, from how long handlers take: an exponential moving
 * average. Before the first has ended, and for slow handlers, none: another worker could run them sooner.
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

  /** Tells of a handler that ended after so many milliseconds. */
  record(duration: number): void {
    this.#isSuspended = false;
    this.#average =
      this.#average === undefined ? duration : this.#average + NEWEST_WEIGHT * (duration - this.#average);
  }

  /** The handlers that run now take longer than the average says: hold nothing until one ends. */
  suspend(): void {
    this.#isSuspended = true;
  }

  get size(): number {
    if (this.#average === undefined || this.#isSuspended) return 0;
    if (this.#average <= 0) return this.#max;
    return Math.min(this.#max, Math.floor((this.#concurrency * BUFFERED_MILLISECONDS) / this.#average));
  }
}
