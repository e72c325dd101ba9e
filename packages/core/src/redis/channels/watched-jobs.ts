import type { Unsubscribe } from "../../engine/events.ts";
import { nextTurn } from "../../timing/next-turn.ts";
import { requestText } from "../codec/event-filters.ts";
import { MAX_JOBS, type RedisStore } from "../redis-store.ts";
import { scripts } from "../scripts.ts";
import { dispatch, type EventSubscription } from "./event-subscription.ts";
import { Renewal } from "./renewal.ts";

/** Subscriptions to single jobs. Steps publish the events of these jobs on a channel of the engine that watches them. */
export class WatchedJobs {
  readonly #store: RedisStore;
  readonly #engine: string;
  readonly #byId = new Map<string, Set<EventSubscription>>();
  /** Those that ask for new jobs: single sends look for them. */
  readonly #forQueued = new Set<EventSubscription>();
  /** Ids for which the server may have something else noted. */
  readonly #changed = new Set<string>();
  readonly #renewal = new Renewal(() => this.#renew());
  /** Kept from the first job on: subscribing anew would take a round trip, in which a short job may end unseen. */
  #listening: Promise<unknown> | undefined;
  #saving: Promise<void> | undefined;
  /** Whether the server has noted that this engine watches jobs. */
  #isNoted = false;
  #hasGap = false;
  /** Where this engine goes on looking for jobs that engines which died have left noted. */
  #cursor = "0";

  /** `engine`: the name of this engine. */
  constructor(store: RedisStore, engine: string) {
    this.#store = store;
    this.#engine = engine;
  }

  get isEmpty(): boolean {
    return this.#byId.size === 0;
  }

  async add(subscription: EventSubscription, ids: readonly string[]): Promise<Unsubscribe> {
    for (const id of ids) {
      this.#byId.set(id, (this.#byId.get(id) ?? new Set()).add(subscription));
      this.#changed.add(id);
    }
    if (subscription.filter.types?.includes("queued") ?? true) this.#forQueued.add(subscription);
    try {
      await this.#listen();
      await this.#save();
    } catch (error) {
      this.#remove(subscription, ids);
      throw error;
    }
    if (!this.isEmpty) this.#renewal.start();
    return async () => this.#remove(subscription, ids);
  }

  close(): void {
    this.#renewal.stop();
  }

  async #listen(): Promise<void> {
    const name = `watch:${this.#engine}`;
    this.#listening ??= this.#store.connection.listen(
      name,
      (message) => dispatch(this.#store, name, message, ({ id }) => this.#byId.get(id) ?? []),
      () => this.#onGap(),
    );
    const listening = this.#listening;
    try {
      await listening;
    } catch (error) {
      if (this.#listening === listening) this.#listening = undefined;
      throw error;
    }
  }

  #remove(subscription: EventSubscription, ids: readonly string[]): void {
    for (const id of ids) {
      const subscriptions = this.#byId.get(id);
      if (!subscriptions?.delete(subscription)) continue;
      if (subscriptions.size === 0) this.#byId.delete(id);
      this.#changed.add(id);
    }
    this.#forQueued.delete(subscription);
    if (this.isEmpty) this.#renewal.stop();
    // Where this fails, the next call tells the server, or the entries expire.
    this.#save().catch(() => undefined);
  }

  /** Tells the server what has changed, in one call for all changes of this turn. */
  #save(): Promise<void> {
    this.#saving ??= new Promise((resolve, reject) => {
      nextTurn(() => {
        this.#saving = undefined;
        // The first call looks, then each renewal does.
        this.#send(!this.#isNoted).then((wasLost) => {
          if (wasLost) this.#onGap();
          resolve();
        }, reject);
      });
    });
    return this.#saving;
  }

  /** Answers whether the server had lost what was noted before. */
  async #send(looksForDead: boolean): Promise<boolean> {
    let wasLost = false;
    const ids = [...this.#changed];
    this.#changed.clear();
    for (let start = 0; start === 0 || start < ids.length; start += MAX_JOBS) {
      const some = ids.slice(start, start + MAX_JOBS);
      const requests = some.flatMap((id) => [id, this.#byId.has(id) ? requestText(this.#filtersOf(id)) : ""]);
      const isNoted = !this.isEmpty;
      try {
        const looks = looksForDead && start === 0;
        const reply = await this.#store.run(scripts.watch, [
          this.#engine,
          isNoted ? (this.#forQueued.size > 0 ? "queued" : "others") : "",
          looks ? this.#cursor : "",
          ...requests,
        ]);
        const [isMissing, cursor] = reply as readonly [number, string];
        if (looks) this.#cursor = cursor;
        wasLost ||= isMissing === 1 && this.#isNoted && isNoted;
        this.#isNoted = isNoted;
      } catch (error) {
        for (const id of ids.slice(start)) this.#changed.add(id);
        throw error;
      }
    }
    return wasLost;
  }

  #filtersOf(id: string) {
    return [...this.#byId.get(id)!].map(({ filter }) => filter);
  }

  #onGap(): void {
    this.#hasGap = true;
    this.#renewal.request();
  }

  async #renew(): Promise<void> {
    if (this.isEmpty) return;
    const hasGap = this.#hasGap;
    this.#hasGap = false;
    if (hasGap) for (const id of this.#byId.keys()) this.#changed.add(id);
    try {
      if ((await this.#send(true)) && !hasGap) this.#onGap();
    } catch {
      // The connection reports it, and the next renewal tries again.
      this.#hasGap ||= hasGap;
      return;
    }
    if (!hasGap) return;
    // Only now: what subscribers read again must not be older than the events that they receive.
    const subscriptions = new Set([...this.#byId.values()].flatMap((some) => [...some]));
    for (const subscription of subscriptions) subscription.onGap();
  }
}
