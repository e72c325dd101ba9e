import type { RestartSettings } from "../config/settings.ts";
import { EXIT_CODES } from "../exit-codes.ts";

/** The longest pause before a restart. */
const MAX_PAUSE = 30_000;
/** A process that was ready for this long has recovered: the next pause is the first again. */
const RECOVERED_AFTER = 60_000;
/** A process that asks to be started again after this time isn't one whose memory bound is too low to work at all. */
const WORKED_FOR = 10_000;

/** What to do about a process that has ended although nobody stopped it. */
export type Verdict =
  | { readonly type: "restart"; readonly pause: number }
  | { readonly type: "give-up"; readonly why: string };

/** Decides about the restarts of one worker process and its successors. */
export class RestartPolicy {
  readonly #settings: RestartSettings;
  #ends = 0;
  #wasReady = false;

  constructor(settings: RestartSettings) {
    this.#settings = settings;
  }

  /** `readyFor` is how long the process was ready, in milliseconds; 0 if it never was. */
  ended({ code, readyFor }: { readonly code: number | null; readonly readyFor: number }): Verdict {
    this.#wasReady ||= readyFor > 0;
    if (readyFor >= RECOVERED_AFTER) this.#ends = 0;
    // It asked for it, and has done some work before.
    if (code === EXIT_CODES.RESTART && readyFor >= WORKED_FOR) return { type: "restart", pause: 0 };
    const { pause, giveUpAfter } = this.#settings;
    this.#ends++;
    const isRefused = code === EXIT_CODES.CONFIG && readyFor === 0;
    if (isRefused && !this.#wasReady) {
      return { type: "give-up", why: "its config can't be used, so another start would end the same" };
    }
    // It worked with the config that was there before. The others still do, and the next one may be right again.
    if (!isRefused && this.#ends >= giveUpAfter) {
      return {
        type: "give-up",
        why: `it ended ${this.#ends} times in a row, each time soon after its start`,
      };
    }
    return { type: "restart", pause: Math.min(MAX_PAUSE, pause * 2 ** (this.#ends - 1)) };
  }
}
