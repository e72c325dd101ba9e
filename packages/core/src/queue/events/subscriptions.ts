import { parseOptions } from "../../contract/options.ts";
import type { EngineEvent, Unsubscribe } from "../../engine/events.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { assertKnownQueue } from "../known-queue.ts";
import type { QueueContext } from "../queue-context.ts";
import { type SubscribeOptions, subscribeSchema } from "../queue-options.ts";
import type { EventHub } from "./event-hub.ts";
import { createEventFilter, type JobEvent, toJobEvent } from "./job-events.ts";

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
    if (filter.queue !== undefined) await assertKnownQueue(filter.queue, this.#context);
    this.#context.assertOpen();
    const isWanted = createEventFilter(filter);
    const subscriber = {
      // What an asynchronous listener returns is watched for its rejection.
      onEvent: (event: EngineEvent) => (isWanted(event) ? listener(toJobEvent(event)) : undefined),
      ...(onGap && { onGap }),
    };
    await this.#hub.add(subscriber);
    return () => this.#hub.remove(subscriber);
  }
}
