import type { CancelListener, Engine, Unsubscribe } from "../../engine/port.ts";
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
    this.#engine.onCancelRequest?.(this.#listener).then(
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
