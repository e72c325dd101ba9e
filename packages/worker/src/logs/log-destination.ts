import pino from "pino";

/** Bytes that wait for whatever reads stdout. Beyond them lines are dropped, since a job doesn't wait for its log. */
const MAX_WAITING = 16 * 1_048_576;
/** How long `flush` waits for a reader, in milliseconds. */
const FLUSH_TIMEOUT = 5_000;
/** How long the exit of the process waits for a reader that takes nothing, in milliseconds. */
const EXIT_TIMEOUT = 1_000;

/** Writes lines to a file descriptor without ever blocking the event loop. */
export class LogDestination {
  readonly #stream: ReturnType<typeof pino.destination>;
  #dropped = 0;
  /** At the end of the process: until when it waits for a reader that takes nothing. */
  #exitDeadline: number | undefined;
  #waiting = 0;

  /** `onDropped` is called once there is room again. */
  constructor(fd: number, onDropped: (count: number) => void) {
    process.prependListener("exit", () => {
      this.#exitDeadline = performance.now() + EXIT_TIMEOUT;
    });
    this.#stream = pino.destination({
      fd,
      sync: false,
      // Each write begins at once; with 0, `flush` would call back before it ends.
      minLength: 1,
      maxLength: MAX_WAITING,
      retryEAGAIN: (_error, writing, behind) => this.#mayRetry(writing + behind),
    });
    // A full disk or a closed terminal: what waits is tried again with the next line.
    this.#stream.on("error", () => {});
    this.#stream.on("drop", () => {
      this.#dropped++;
    });
    this.#stream.on("drain", () => {
      const dropped = this.#dropped;
      this.#dropped = 0;
      if (dropped > 0) onDropped(dropped);
    });
    const flushSync = this.#stream.flushSync.bind(this.#stream);
    this.#stream.flushSync = () => {
      try {
        flushSync();
      } catch {
        // Nothing reads it any more.
      }
    };
  }

  write(line: string): void {
    this.#stream.write(line);
  }

  #mayRetry(waiting: number): boolean {
    if (this.#exitDeadline === undefined) return true;
    const now = performance.now();
    if (waiting !== this.#waiting) this.#exitDeadline = now + EXIT_TIMEOUT;
    this.#waiting = waiting;
    return now < this.#exitDeadline;
  }

  /** Resolves when everything is written, or nothing has read it for a while. */
  async flush(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, FLUSH_TIMEOUT);
      this.#stream.flush(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
