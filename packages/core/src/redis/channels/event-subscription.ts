import { createEventFilter, withoutDetail } from "../../engine/event-filter.ts";
import type { EngineEvent, EventFilter, EventSubscriber } from "../../engine/events.ts";
import type { CallbackGuard } from "../../logging/callback-guard.ts";
import { parseEvents } from "../codec/published-events.ts";
import type { RedisStore } from "../redis-store.ts";

/** One subscriber of an event feed. */
export class EventSubscription {
  readonly filter: EventFilter;
  readonly #subscriber: EventSubscriber;
  readonly #isWanted: (event: EngineEvent) => boolean;
  readonly #guard: CallbackGuard;

  constructor(subscriber: EventSubscriber, guard: CallbackGuard) {
    this.filter = subscriber;
    this.#subscriber = subscriber;
    this.#isWanted = createEventFilter(subscriber);
    this.#guard = guard;
  }

  /** Its channel may carry more than it asked for. */
  onEvent(event: EngineEvent): void {
    if (!this.#isWanted(event)) return;
    this.#guard.call(this.#subscriber.onEvent, this.filter.detail ? event : withoutDetail(event));
  }

  onGap(): void {
    if (this.#subscriber.onGap) this.#guard.call(this.#subscriber.onGap);
  }
}

/** Passes the events of a message on a channel to subscriptions. */
export function dispatch(
  store: RedisStore,
  channel: string,
  message: string,
  subscriptionsOf: (event: EngineEvent) => Iterable<EventSubscription>,
): void {
  const events = parseEvents(message);
  if (events === undefined) store.reportMalformed(channel);
  for (const event of events ?? [])
    for (const subscription of [...subscriptionsOf(event)]) subscription.onEvent(event);
}
