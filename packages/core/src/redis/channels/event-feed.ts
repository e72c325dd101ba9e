import { selectsNothing } from "../../engine/event-filter.ts";
import type { EngineEvents, EventSubscriber, Unsubscribe } from "../../engine/events.ts";
import type { RedisStore } from "../redis-store.ts";
import { EventSubscription } from "./event-subscription.ts";
import { FilteredEvents } from "./filtered-events.ts";
import { WatchedJobs } from "./watched-jobs.ts";

/** The facet `events` of the redis engine. */
export class EventFeed implements EngineEvents {
  readonly #store: RedisStore;
  readonly #filtered: FilteredEvents;
  readonly #watched: WatchedJobs;

  /** `name`: of this engine, among all that share the namespace. */
  constructor(store: RedisStore, name: string) {
    this.#store = store;
    this.#filtered = new FilteredEvents(store);
    this.#watched = new WatchedJobs(store, name);
  }

  async subscribe(subscriber: EventSubscriber): Promise<Unsubscribe> {
    if (selectsNothing(subscriber)) return async () => {};
    // An object of its own, so that the same subscriber can subscribe twice.
    const subscription = new EventSubscription(subscriber, this.#store.listeners);
    return subscriber.jobs === undefined
      ? this.#filtered.add(subscription)
      : this.#watched.add(
          subscription,
          subscriber.jobs.map(({ id }) => id),
        );
  }

  /** Resolves once subscribers were called for all that has happened until now. */
  async delivered(): Promise<void> {
    if (!this.#filtered.isEmpty || !this.#watched.isEmpty) await this.#store.connection.delivered();
  }

  close(): void {
    this.#filtered.close();
    this.#watched.close();
  }
}
