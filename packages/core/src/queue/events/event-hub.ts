import type { Engine } from "../../engine/engine.ts";
import type { EngineEvent, EventSubscriber, Unsubscribe } from "../../engine/events.ts";
import { facetOf } from "../../engine/facet.ts";
import { CallbackGuard, logFailure } from "../../logging/callback-guard.ts";
import type { Logger } from "../../logging/logger.ts";

/** One engine subscription for all of a queue's listeners, held only while there are any. */
export class EventHub {
  readonly #engine: Engine;
  readonly #guard: CallbackGuard;
  readonly #subscribers = new Set<EventSubscriber>();
  #subscription: Promise<Unsubscribe> | undefined;

  constructor(engine: Engine, logger: Logger) {
    this.#engine = engine;
    this.#guard = new CallbackGuard(logFailure("A listener of the queue", () => logger));
  }

  /** Resolves once the subscription is in force. Rejects, and forgets the subscriber, when the engine can't. */
  async add(subscriber: EventSubscriber): Promise<void> {
    this.#subscribers.add(subscriber);
    this.#subscription ??= facetOf(this.#engine, "events").subscribe({
      onEvent: (event) => this.#onEvent(event),
      onGap: () => this.#onGap(),
    });
    const subscription = this.#subscription;
    try {
      await subscription;
    } catch (error) {
      if (this.#subscription === subscription) this.#subscription = undefined;
      this.#subscribers.delete(subscriber);
      throw error;
    }
  }

  async remove(subscriber: EventSubscriber): Promise<void> {
    if (!this.#subscribers.delete(subscriber) || this.#subscribers.size > 0) return;
    await this.close();
  }

  async close(): Promise<void> {
    this.#subscribers.clear();
    const subscription = this.#subscription;
    this.#subscription = undefined;
    const unsubscribe = await subscription?.catch(() => undefined);
    await unsubscribe?.();
  }

  #onEvent(event: EngineEvent): void {
    for (const { onEvent } of this.#subscribers) this.#guard.call(onEvent, event);
  }

  #onGap(): void {
    for (const { onGap } of this.#subscribers) if (onGap) this.#guard.call(onGap);
  }
}
