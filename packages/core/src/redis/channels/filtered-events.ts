import type { Unsubscribe } from "../../engine/events.ts";
import { EVERYTHING, filterText } from "../codec/event-filters.ts";
import type { RedisStore } from "../redis-store.ts";
import { scripts } from "../scripts.ts";
import { dispatch, type EventSubscription } from "./event-subscription.ts";
import { Renewal } from "./renewal.ts";

/** The channel of one filter, which engines share. */
interface Channel {
  readonly filter: string;
  readonly subscriptions: Set<EventSubscription>;
  /** Resolves with the function that leaves the channel. */
  opened: Promise<Unsubscribe>;
  isRegistered: boolean;
  /** Messages may have been missed, and steps may have dropped the filter. */
  hasGap: boolean;
}

/** The server has as many filters as it takes. */
class TooManyFilters extends Error {}

/** Subscriptions by type, queue and message. A filter is registered with the server after its channel is subscribed to. */
export class FilteredEvents {
  readonly #store: RedisStore;
  readonly #channels = new Map<string, Channel>();
  readonly #renewal = new Renewal(() => this.#renew());

  constructor(store: RedisStore) {
    this.#store = store;
  }

  get isEmpty(): boolean {
    return this.#channels.size === 0;
  }

  async add(subscription: EventSubscription): Promise<Unsubscribe> {
    try {
      return await this.#join(filterText(subscription.filter), subscription);
    } catch (error) {
      if (!(error instanceof TooManyFilters)) throw error;
      return this.#join(EVERYTHING, subscription);
    }
  }

  close(): void {
    this.#renewal.stop();
  }

  async #join(filter: string, subscription: EventSubscription): Promise<Unsubscribe> {
    const channel = this.#channels.get(filter) ?? this.#open(filter);
    channel.subscriptions.add(subscription);
    try {
      await channel.opened;
    } catch (error) {
      if (this.#channels.get(filter) === channel) this.#channels.delete(filter);
      throw error;
    }
    return () => this.#leave(channel, subscription);
  }

  #open(filter: string): Channel {
    const channel: Channel = {
      filter,
      subscriptions: new Set(),
      opened: Promise.resolve(async () => {}),
      isRegistered: false,
      hasGap: false,
    };
    this.#channels.set(filter, channel);
    channel.opened = this.#listen(channel);
    return channel;
  }

  async #listen(channel: Channel): Promise<Unsubscribe> {
    const name = `events:${channel.filter}`;
    const leave = await this.#store.connection.listen(
      name,
      (message) => dispatch(this.#store, name, message, () => channel.subscriptions),
      () => {
        channel.hasGap = true;
        this.#renewal.request();
      },
    );
    try {
      const [answer] = (await this.#store.run(scripts.listen, ["new", channel.filter])) as readonly number[];
      if (answer === 2) throw new TooManyFilters();
    } catch (error) {
      await leave();
      throw error;
    }
    channel.isRegistered = true;
    if (channel.hasGap) this.#renewal.request();
    if (this.#channels.size > 0) this.#renewal.start();
    return leave;
  }

  async #leave(channel: Channel, subscription: EventSubscription): Promise<void> {
    if (!channel.subscriptions.delete(subscription) || channel.subscriptions.size > 0) return;
    if (this.#channels.get(channel.filter) === channel) this.#channels.delete(channel.filter);
    if (this.#channels.size === 0) this.#renewal.stop();
    const leave = await channel.opened;
    await leave();
    // If this fails, the next step with events drops the filter.
    this.#store.run(scripts.unlisten, [channel.filter]).catch(() => undefined);
  }

  async #renew(): Promise<void> {
    const channels = [...this.#channels.values()].filter(({ isRegistered }) => isRegistered);
    if (channels.length === 0) return;
    const lost = new Set(channels.filter(({ hasGap }) => hasGap));
    for (const channel of lost) channel.hasGap = false;
    try {
      const filters = channels.map(({ filter }) => filter);
      const answers = (await this.#store.run(scripts.listen, ["renew", ...filters])) as readonly number[];
      channels.forEach((channel, index) => {
        if (answers[index] !== 0) lost.add(channel);
      });
    } catch {
      // The connection reports it, and the next renewal tries again.
      for (const channel of lost) channel.hasGap = true;
      return;
    }
    // Only now: what subscribers read again must not be older than the events that they receive.
    for (const { subscriptions } of lost) for (const subscription of [...subscriptions]) subscription.onGap();
  }
}
