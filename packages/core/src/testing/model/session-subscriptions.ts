import type { EngineEvent, EngineEvents, EventFilter, Unsubscribe } from "../../engine/events.ts";

interface Subscription {
  readonly received: EngineEvent[];
  readonly end: Unsubscribe;
}

/** The subscriptions of a session's commands, with what they have received. */
export class SessionSubscriptions {
  readonly #events: EngineEvents;
  readonly #open: Subscription[] = [];

  constructor(events: EngineEvents) {
    this.#events = events;
  }

  get isEmpty(): boolean {
    return this.#open.length === 0;
  }

  async add(filter: EventFilter): Promise<void> {
    const received: EngineEvent[] = [];
    const end = await this.#events.subscribe({ ...filter, onEvent: (event) => void received.push(event) });
    this.#open.push({ received, end });
  }

  /** Ends one of them, by recency modulo their number. */
  async end(recency: number): Promise<void> {
    const [subscription] = this.isEmpty ? [] : this.#open.splice(-1 - (recency % this.#open.length), 1);
    await subscription?.end();
  }

  /**
   * What each has received since the last call. Events of one job are in order; the order of dependents that one step
   * decides is each engine's own.
   */
  take(): readonly (readonly EngineEvent[])[] {
    return this.#open.map(({ received }) =>
      received.splice(0).toSorted((a, b) => (a.id === b.id ? 0 : a.id < b.id ? -1 : 1)),
    );
  }
}
