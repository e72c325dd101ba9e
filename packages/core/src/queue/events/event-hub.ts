import type { Engine } from "../../engine/engine.ts";
import type { EventSubscriber, Unsubscribe } from "../../engine/events.ts";
import { facetOf } from "../../engine/facet.ts";
import { CallbackGuard, logFailure } from "../../logging/callback-guard.ts";
import type { Logger } from "../../logging/logger.ts";

/** A queue's subscriptions to its engine, which joins those with the same filter. */
export class EventHub {
  readonly #engine: Engine;
  readonly #guard: CallbackGuard;
  readonly #open = new Set<Unsubscribe>();

  constructor(engine: Engine, logger: Logger) {
    this.#engine = engine;
    this.#guard = new CallbackGuard(logFailure("A listener of the queue", () => logger));
  }

  /** Resolves once the subscription is in force, with the function that ends it. Rejects when the engine can't. */
  async subscribe({ onEvent, onGap, ...filter }: EventSubscriber): Promise<Unsubscribe> {
    let isEnded = false;
    const subscription = facetOf(this.#engine, "events").subscribe({
      ...filter,
      onEvent: (event) => {
        if (!isEnded) this.#guard.call(onEvent, event);
      },
      onGap: () => {
        if (onGap && !isEnded) this.#guard.call(onGap);
      },
    });
    const end = async () => {
      if (isEnded) return;
      isEnded = true;
      this.#open.delete(end);
      const unsubscribe = await subscription.catch(() => undefined);
      await unsubscribe?.();
    };
    this.#open.add(end);
    try {
      await subscription;
    } catch (error) {
      this.#open.delete(end);
      throw error;
    }
    return end;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((end) => end()));
  }
}
