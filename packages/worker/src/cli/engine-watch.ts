import type { Queue } from "@org/queue";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";

/** Milliseconds: a person waits for the command. */
const ANSWER_TIMEOUT = 4_000;

/** Gives up on an engine that hasn't answered at all. */
export class EngineWatch {
  readonly unreachable: Promise<never>;
  #giveUp: (error: CommandError) => void = () => {};
  #isStarted = false;
  hasGivenUp = false;

  constructor() {
    this.unreachable = new Promise((_, reject) => {
      this.#giveUp = reject;
    });
    // Nobody may be listening.
    this.unreachable.catch(() => undefined);
  }

  /** Asks the engine something small, next to what the command asks. */
  start(queue: Queue): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    const timer = setTimeout(() => {
      this.hasGivenUp = true;
      const message = `The engine hasn't answered within ${ANSWER_TIMEOUT / 1_000} s. Check the address of its server (REDIS_URL), and that this machine may reach it.`;
      this.#giveUp(new CommandError(message, EXIT_CODES.UNAVAILABLE));
    }, ANSWER_TIMEOUT);
    // A refusal is an answer: the command gets it, too.
    const stop = () => clearTimeout(timer);
    queue.get("0").then(stop, stop);
  }
}
