import { parseOptions } from "../../contract/options.ts";
import type { Unsubscribe } from "../../engine/events.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { filteredMessage } from "../known-message.ts";
import { assertKnownQueue } from "../known-queue.ts";
import type { QueueContext } from "../queue-context.ts";
import { type SubscribeOptions, subscribeSchema } from "../queue-options.ts";
import type { EventHub } from "./event-hub.ts";
import { EventReader, type JobEvent, toEventFilter } from "./job-events.ts";

/** Subscriptions of an app to a queue's events. */
export class Subscriptions {
  readonly #context: QueueContext;
  readonly #hub: EventHub;

  constructor(context: QueueContext, hub: EventHub) {
    this.#context = context;
    this.#hub = hub;
  }

  async subscribe(listener: (event: JobEvent) => void, options: SubscribeOptions = {}): Promise<Unsubscribe> {
    this.#context.assertOpen();
    if (typeof listener !== "function") {
      throw new QueueError("INVALID_OPTIONS", "subscribe: expected a function as the first argument.");
    }
    const { onGap, ...filter } = parseOptions("subscribe", subscribeSchema, options);
    for (const queue of filter.queues ?? []) await assertKnownQueue(queue, this.#context);
    for (const message of filter.messages ?? []) await filteredMessage("subscribe", this.#context, message);
    this.#context.assertOpen();
    const reader = new EventReader(this.#context.registry, listener);
    const unsubscribe = await this.#hub.subscribe({
      ...toEventFilter(filter),
      onEvent: (event) => reader.onEvent(event),
      ...(onGap && { onGap }),
    });
    return async () => {
      await unsubscribe();
      await reader.settled();
    };
  }
}
