import type { ErrorReporter } from "./error-reporter.ts";
import { Topic } from "./topic.ts";

/** A report that no event tells of: it is read again and again while somebody follows it. */
export class ReportTopic extends Topic {
  readonly #read: () => Promise<unknown>;
  readonly #interval: number;
  readonly #onError: ErrorReporter;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReading = false;

  /** @param interval milliseconds between two reads */
  constructor(key: string, read: () => Promise<unknown>, interval: number, onError: ErrorReporter) {
    super(key);
    this.#read = read;
    this.#interval = interval;
    this.#onError = onError;
  }

  start(): void {
    if (!this.#isReading && this.#timer === undefined) void this.#turn();
  }

  async #turn(): Promise<void> {
    this.#isReading = true;
    try {
      this.set(await this.#read());
    } catch (error) {
      this.fail(this.#onError(error));
    }
    this.#isReading = false;
    if (this.watchers.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.watchers.size > 0) void this.#turn();
    }, this.#interval);
    this.#timer.unref?.();
  }
}
