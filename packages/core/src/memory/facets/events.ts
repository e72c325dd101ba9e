import type { EngineEvents, EventSubscriber, Unsubscribe } from "../../engine/events.ts";
import type { MemoryStore } from "../memory-store.ts";

/** The facet `events` of the memory engine. */
export class MemoryEvents implements EngineEvents {
  readonly #store: MemoryStore;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async subscribe(subscriber: EventSubscriber): Promise<Unsubscribe> {
    this.#store.assertOpen();
    const remove = this.#store.events.add(subscriber);
    return async () => remove();
  }
}
