/**
 * Runs work at once, and then at most once in an interval however often it is asked for: the first change is quick, later
 * ones are gathered. A run that takes long isn't overtaken by the next.
 */
export class Pacer {
  readonly #work: () => Promise<void> | void;
  readonly #interval: number;
  #isAsked = false;
  #isRunning = false;
  #isStopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param interval milliseconds */
  constructor(work: () => Promise<void> | void, interval: number) {
    this.#work = work;
    this.#interval = interval;
  }

  ask(): void {
    this.#isAsked = true;
    if (!this.#isRunning && this.#timer === undefined && !this.#isStopped) void this.#run();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#isAsked = false;
    this.#isRunning = true;
    try {
      await this.#work();
    } finally {
      this.#isRunning = false;
      if (!this.#isStopped) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          if (this.#isAsked) void this.#run();
        }, this.#interval);
        this.#timer.unref?.();
      }
    }
  }
}
