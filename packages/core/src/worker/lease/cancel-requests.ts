import type { Engine } from "../../engine/engine.ts";
import type { Unsubscribe } from "../../engine/events.ts";
import type { CancelListener } from "../../engine/operate.ts";
import type { Clock } from "../../timing/clock.ts";

/** Milliseconds until the next try to subscribe. */
const RETRY_INTERVAL = 5_000;

/**
 * Subscribes to cancel requests, where the engine can push them: then handlers stop at once, and not with the next
 * heartbeat.
 */
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
    this.#engine.operate?.onCancelRequest?.(this.#listener).then(
      (unsubscribe) => {
        this.#unsubscribe = unsubscribe;
        if (this.#isStopped) this.stop();
      },
      () => {
        if (!this.#isStopped) this.#cancelRetry = this.#clock.after(RETRY_INTERVAL, () => this.start());
      },
    );
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry?.();
    void this.#unsubscribe?.().catch(() => undefined);
  }
}
