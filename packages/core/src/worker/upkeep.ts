import type { Clock } from "../engine/clock.ts";
import type { Engine } from "../engine/port.ts";
import { answerWithin } from "./answer-within.ts";
import type { Troubles } from "./troubles.ts";

export interface UpkeepParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly troubles: Troubles;
  /** Milliseconds. */
  readonly interval: number;
  /** Jobs became runnable. */
  readonly onWork: () => void;
}

/** A turn is bounded; an engine that takes longer than this for one doesn't answer any more. */
const LONGEST_TURN = 30_000;
const OPERATION = "do the engine's upkeep";

/** The worker's share of the engine's upkeep: expired leases, due jobs, retention. */
export class Upkeep {
  readonly #parts: UpkeepParts;
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  start(): void {
    void this.#turn();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  async #turn(): Promise<void> {
    const { engine, clock, troubles, interval, onWork } = this.#parts;
    let pause = interval;
    try {
      const { requeued, promoted, more } = await answerWithin(clock, LONGEST_TURN, engine.recover());
      troubles.succeeded(OPERATION);
      if (this.#isStopped) return;
      if (requeued + promoted > 0) onWork();
      // A bounded turn left work behind; other work gets its turn in between.
      if (more) pause = 0;
    } catch (error) {
      pause = Math.max(interval, troubles.failed(OPERATION, error));
    }
    if (!this.#isStopped) this.#cancelTimer = clock.after(pause, () => void this.#turn());
  }
}
