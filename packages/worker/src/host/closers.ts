import type { LevelLogger } from "../config/config.ts";
import { within } from "../within.ts";

/** How long each may take, in milliseconds: what the app leaves open must not keep a process from ending. */
const TIMEOUT = 10_000;
const LATE = Symbol("late");

/** What has been opened, to be closed in the opposite order. */
export class Closers {
  readonly #closers: { readonly what: string; readonly close: () => unknown }[] = [];

  /** `what` begins the line about a failure. */
  add(what: string, close: () => unknown): void {
    this.#closers.push({ what, close });
  }

  /** Closes all. One that fails or doesn't end is logged, and the next has its turn. */
  async close(logger: LevelLogger): Promise<void> {
    for (const { what, close } of this.#closers.splice(0).reverse()) {
      try {
        if ((await within(TIMEOUT, close(), LATE)) !== LATE) continue;
        logger.error({}, `${what} didn't end within ${TIMEOUT / 1_000} s. The process ends without it.`);
      } catch (error) {
        logger.error({ err: error }, `${what} failed.`);
      }
    }
  }
}
