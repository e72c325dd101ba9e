import type { EngineEvents, EventSubscriber, Unsubscribe } from "../../engine/events.ts";
import type { CallbackGuard } from "../../logging/callback-guard.ts";
import { parseEvents } from "../codec/published-events.ts";
import type { RedisConnection } from "../connection/connection.ts";

/**
 * How often the primary is looked for while somebody listens. A server that became a replica keeps the subscription
 * and hears nothing; only a write shows it, and who listens may not write for long.
 */
const PRIMARY_CHECK_INTERVAL = 5_000;

export interface EventFeedParts {
  readonly connection: RedisConnection;
  readonly channel: string;
  readonly guard: CallbackGuard;
  /** Called for a message that isn't one of ours. */
  readonly onMalformed: () => void;
}

/** Everyone who listens through one engine: one channel for all, left with the last. */
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
      (message) => this.#hear(message),
      () => {
        for (const { onGap } of [...this.#subscribers]) if (onGap) guard.call(onGap);
      },
    );
    // What a failed check means is the connection's concern.
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

  #hear(message: string): void {
    const events = parseEvents(message);
    if (events === undefined) this.#parts.onMalformed();
    for (const event of events ?? []) {
      for (const { onEvent } of [...this.#subscribers]) this.#parts.guard.call(onEvent, event);
    }
  }
}
