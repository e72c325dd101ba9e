import { constants } from "node:os";
import { StopReason } from "./report.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Ctrl-C and its like, as something to wait for, so that what is open gets closed. Later ones aren't heeded. */
export class Interruption {
  /** As shells have it. */
  exitCode: number | undefined;
  readonly #signal: Promise<never>;

  constructor() {
    this.#signal = new Promise((_, reject) => {
      for (const signal of SIGNALS) {
        process.on(signal, () => {
          this.exitCode ??= 128 + constants.signals[signal];
          reject(new StopReason(`interrupted by ${signal}`));
        });
      }
    });
    this.#signal.catch(() => undefined);
  }

  orResult<Result>(result: Promise<Result>): Promise<Result> {
    return Promise.race([this.#signal, result]);
  }
}
