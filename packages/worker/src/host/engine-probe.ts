import type { Queue } from "@org/queue";
import { within } from "../within.ts";

/** How often the engine is asked, in milliseconds: an idle worker's claim may come a minute later. */
const INTERVAL = 2_000;
/** How long an answer may take, in milliseconds. */
const TIMEOUT = 2_000;

/** Asks the engine something small again and again, and knows whether it answers. */
export class EngineProbe {
  readonly #queue: Pick<Queue, "get">;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  /** Why the engine can't be used now; `undefined` if it answered the last time. */
  problem: string | undefined;

  constructor(queue: Pick<Queue, "get">) {
    this.#queue = queue;
  }

  start(): void {
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.#ask(), INTERVAL).unref();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** What hangs isn't asked again before it has ended. */
  async #ask(): Promise<void> {
    const asked = this.#queue.get("0").then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    this.problem = await within(TIMEOUT, asked, `the engine hasn't answered for ${TIMEOUT / 1_000} s`);
    this.problem = await asked;
    this.start();
  }
}
