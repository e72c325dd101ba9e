import { constants } from "node:os";
import { StopReason } from "./report.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Turns Ctrl-C and other signals into a rejection, so that everything gets closed. Later signals are ignored. */
export class Interruption {
  /** As in shells: 128 plus the signal's number. */
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
