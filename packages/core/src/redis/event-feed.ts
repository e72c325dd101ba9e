import type { EngineEvent } from "../engine/events.ts";
import type { Unsubscribe } from "../engine/port.ts";
import { isTerminal } from "../engine/state-machine.ts";
import type { CallbackGuard } from "../logging/callback-guard.ts";
import type { RedisConnection } from "./connection.ts";

/** What `lua/lib/events.lua` publishes for one event. */
type PublishedEvent = readonly [
  type: EngineEvent["type"],
  id: string,
  queue: string,
  messageType: string,
  epoch: number,
  result: string | false,
  error: string | false,
];

/** Everyone who listens through one engine: one channel for all, left with the last. */
export class EventFeed {
  readonly #connection: RedisConnection;
  readonly #channel: string;
  readonly #guard: CallbackGuard;
  readonly #listeners = new Set<(event: EngineEvent) => void>();
  #listening: Promise<() => Promise<void>> | undefined;

  constructor(connection: RedisConnection, channel: string, guard: CallbackGuard) {
    this.#connection = connection;
    this.#channel = channel;
    this.#guard = guard;
  }

  async add(listener: (event: EngineEvent) => void): Promise<Unsubscribe> {
    // Everyone has an entry of his own, also who comes twice.
    const entry = (event: EngineEvent) => listener(event);
    this.#listeners.add(entry);
    this.#listening ??= this.#connection.listen(this.#channel, (message) => this.#hear(message));
    const listening = this.#listening;
    try {
      await listening;
    } catch (error) {
      if (this.#listening === listening) this.#listening = undefined;
      this.#listeners.delete(entry);
      throw error;
    }
    return () => this.#remove(entry);
  }

  async #remove(entry: (event: EngineEvent) => void): Promise<void> {
    if (!this.#listeners.delete(entry) || this.#listeners.size > 0) return;
    const listening = this.#listening;
    this.#listening = undefined;
    const leave = await listening;
    await leave?.();
  }

  #hear(message: string): void {
    const [at, published] = JSON.parse(message) as readonly [number, readonly PublishedEvent[]];
    for (const one of published) {
      const event = eventOf(one, at);
      for (const listener of [...this.#listeners]) this.#guard.call(listener, event);
    }
  }
}

function eventOf(
  [type, id, queue, messageType, epoch, result, error]: PublishedEvent,
  at: number,
): EngineEvent {
  const event = { type, id, queue, messageType, epoch, at };
  if (type === "progress" || !isTerminal(type)) return event;
  return { ...event, ending: { ...(result !== false && { result }), ...(error !== false && { error }) } };
}
