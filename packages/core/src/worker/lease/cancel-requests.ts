import type { Engine } from "../../engine/engine.ts";
import type { Unsubscribe } from "../../engine/events.ts";
import { facetOf } from "../../engine/facet.ts";
import type { CancelListener } from "../../engine/operate.ts";
import type { Clock } from "../../timing/clock.ts";

/** Time until the engine is asked again, when it couldn't say. */
const RETRY = 5_000;

/** Hears at once, from an engine that can push, which of this worker's jobs are to stop. Heartbeats tell the rest. */
export class CancelRequests {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #listener: CancelListener;
  #unsubscribe: Unsubscribe | undefined;
  #cancelRetry: (() => void) | undefined;
  #isStopped = false;

  constructor(engine: Engine, clock: Clock, listener: CancelListener) {
    this.#engine = engine;
    this.#clock = clock;
    this.#listener = listener;
  }

  start(): void {
    facetOf(this.#engine, "operate")
      .onCancelRequest?.(this.#listener)
      .then(
        (unsubscribe) => {
          this.#unsubscribe = unsubscribe;
          if (this.#isStopped) this.stop();
        },
        () => {
          if (!this.#isStopped) this.#cancelRetry = this.#clock.after(RETRY, () => this.start());
        },
      );
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry?.();
    void this.#unsubscribe?.().catch(() => undefined);
  }
}
