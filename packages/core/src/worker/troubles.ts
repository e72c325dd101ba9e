import type { WorkerLogger } from "./worker-options.ts";

const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;

/**
 * What goes wrong between a worker and its engine. Each operation's trouble is told once when it begins
 * and once when it is over, however often it is retried in between.
 */
export class Troubles {
  readonly #logger: WorkerLogger;
  readonly #failures = new Map<string, number>();

  constructor(logger: WorkerLogger) {
    this.#logger = logger;
  }

  /** Notes a failure and answers the milliseconds to wait before trying again. */
  failed(operation: string, error: unknown): number {
    const failures = (this.#failures.get(operation) ?? 0) + 1;
    this.#failures.set(operation, failures);
    if (failures === 1) this.#tell("error", `The worker couldn't ${operation}; it goes on trying.`, error);
    return Math.min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE);
  }

  succeeded(operation: string): void {
    if (this.#failures.size === 0 || !this.#failures.delete(operation)) return;
    this.#tell("warn", `The worker can ${operation} again.`);
  }

  warn(message: string): void {
    this.#tell("warn", message);
  }

  /** A logger's own error must not stop the worker. */
  #tell(level: "warn" | "error", message: string, error?: unknown): void {
    try {
      if (error === undefined) this.#logger[level](message);
      else this.#logger[level](message, error);
    } catch {
      // There is nowhere left to tell it.
    }
  }
}
