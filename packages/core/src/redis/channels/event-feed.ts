import type { EngineEvents, EventSubscriber, Unsubscribe } from "../../engine/events.ts";
import type { CallbackGuard } from "../../logging/callback-guard.ts";
import { parseEvents } from "../codec/published-events.ts";
import type { RedisConnection } from "../connection/connection.ts";

/**
 * How often to check for the primary while there are subscribers. A server that has become a replica keeps the
 * subscription but receives no messages. Only a write reveals that, and a subscriber may not write for long.
 */
const PRIMARY_CHECK_INTERVAL = 5_000;

export interface EventFeedParts {
  readonly connection: RedisConnection;
  readonly channel: string;
  readonly guard: CallbackGuard;
  /** Called for a message that isn't in the engine's format. */
  readonly onMalformed: () => void;
}

/** The event subscribers of one engine. They share one channel, which is left with the last of them. */
export class EventFeed implements EngineEvents {
  readonly #parts: EventFeedParts;
  readonly #subscribers = new Set<EventSubscriber>();
  #listening: Promise<() => Promise<void>> | undefined;
  #check: NodeJS.Timeout | undefined;

  constructor(parts: EventFeedParts) {
    this.#parts = parts;
  }

  async subscribe(subscriber: EventSubscriber): Promise<Unsubscribe> {
    // Copied, so that the same object can subscribe twice.
    const entry = { ...subscriber };
    this.#subscribers.add(entry);
    this.#listening ??= this.#listen();
    const listening = this.#listening;
    try {
      await listening;
    } catch (error) {
      if (this.#listening === listening) this.#listening = undefined;
      this.#subscribers.delete(entry);
      throw error;
    }
    return () => this.#remove(entry);
  }

  /** Resolves once subscribers were called for all that has happened until now. */
  async delivered(): Promise<void> {
    if (this.#listening !== undefined) await this.#parts.connection.delivered();
  }

  close(): void {
    clearInterval(this.#check);
    this.#check = undefined;
  }

  async #listen(): Promise<() => Promise<void>> {
    const { connection, channel, guard } = this.#parts;
    const leave = await connection.listen(
      channel,
      (message) => this.#onMessage(message),
      () => {
        for (const { onGap } of [...this.#subscribers]) if (onGap) guard.call(onGap);
      },
    );
    // The connection handles a failed check.
    if (this.#subscribers.size > 0)
      this.#check ??= setInterval(() => connection.ping().catch(() => {}), PRIMARY_CHECK_INTERVAL);
    return leave;
  }

  async #remove(entry: EventSubscriber): Promise<void> {
    if (!this.#subscribers.delete(entry) || this.#subscribers.size > 0) return;
    this.close();
    const listening = this.#listening;
    this.#listening = undefined;
    const leave = await listening;
    await leave?.();
  }

  #onMessage(message: string): void {
    const events = parseEvents(message);
    if (events === undefined) this.#parts.onMalformed();
    for (const event of events ?? []) {
      for (const { onEvent } of [...this.#subscribers]) this.#parts.guard.call(onEvent, event);
    }
  }
}
