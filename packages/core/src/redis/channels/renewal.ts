/**
 * Milliseconds after which the server forgets what no engine renews.
 *
 * @public The scripts import it.
 */
export const LISTENER_LIFETIME = 30_000;

/**
 * How often engines renew what their subscribers ask for. The write also finds the primary: a server that has become a
 * replica keeps a subscription but receives no messages, and a process that only listens would never notice.
 */
const RENEWAL_INTERVAL = 5_000;

/** Runs a task at intervals and on request, never twice at a time. The task must not reject. */
export class Renewal {
  readonly #task: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;
  #isRequested = false;

  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.request(), RENEWAL_INTERVAL);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Runs the task after what happens now, once for all requests until then. */
  request(): void {
    this.#isRequested = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#isRequested) {
      this.#isRequested = false;
      await this.#task();
    }
    this.#isRunning = false;
  }
}
