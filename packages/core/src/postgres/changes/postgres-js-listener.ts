import { randomSource } from "../../errors/random-source.ts";
import type { ChangeListener } from "./listener.ts";
import {
  type ListenerOptions,
  type ListenSession,
  ReconnectingListener,
  type SessionEvents,
} from "./reconnecting-listener.ts";

/** The part of what `postgres(…)` returns that the listener uses. */
export interface PostgresJsClient {
  listen(channel: string, onNotify: (payload: string) => void, onListen?: () => void): Promise<unknown>;
  notify(channel: string, payload: string): PromiseLike<unknown>;
  end(options?: { readonly timeout?: number }): Promise<void>;
  /** The parsed options. The client reads them whenever it connects. */
  readonly options?: object;
}

export interface PostgresJsListenerOptions extends ListenerOptions {
  /**
   * Creates a client. Called again whenever the previous one was lost. The listener uses two of its connections, and
   * `max: 1` limits it to that. The client must not go through a pooler in transaction mode: notifications don't arrive
   * there.
   */
  readonly connect: () => PostgresJsClient;
}

/**
 * Listens through `postgres` (postgres.js), with its own client, which is replaced when it can't recover.
 *
 * @throws {QueueError} `INVALID_OPTIONS`.
 *
 * @example
 * const listener = postgresJsListener({ connect: () => postgres(process.env.DATABASE_URL, { max: 1 }) });
 */
export function postgresJsListener(options: PostgresJsListenerOptions): ChangeListener {
  return new ReconnectingListener(
    "postgresJsListener",
    options,
    (events) => new PostgresJsSession(options.connect(), events),
  );
}

/**
 * postgres.js listens again when its connection closes, but tries only once, and doesn't notice a half-open connection.
 * So the session sends itself notifications, from one connection to the other.
 */
class PostgresJsSession implements ListenSession {
  readonly #client: PostgresJsClient;
  readonly #events: SessionEvents;
  readonly #listens = new Map<string, Promise<unknown>>();
  /** A unique channel, so that other processes don't receive the echo. */
  readonly #echo = `queue_echo_${randomSource().randomUUID()}`;
  #onEcho: () => void = () => {};

  constructor(client: PostgresJsClient, events: SessionEvents) {
    // A new connection queries the server's array types. 3.4.9 doesn't handle a failure of that query, which ends the
    // process. The listener sends no arrays.
    Object.assign(client.options ?? {}, { fetch_types: false });
    this.#client = client;
    this.#events = events;
  }

  async open(): Promise<void> {
    await this.#client.listen(this.#echo, () => this.#onEcho());
  }

  async listen(channel: string): Promise<void> {
    let answer = this.#listens.get(channel);
    if (answer === undefined) {
      let times = 0;
      answer = this.#client.listen(
        channel,
        (payload) => this.#events.onMessage(channel, payload),
        () => {
          if (++times > 1) this.#events.onGap(channel);
        },
      );
      this.#listens.set(channel, answer);
    }
    await answer;
  }

  async check(): Promise<void> {
    const echoed = new Promise<void>((resolve) => {
      this.#onEcho = resolve;
    });
    await this.#client.notify(this.#echo, "");
    await echoed;
  }

  async end(): Promise<void> {
    await this.#client.end({ timeout: 0 }).catch(() => {});
  }
}
