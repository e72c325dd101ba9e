import { randomSource } from "../../errors/random-source.ts";
import type { ChangeListener } from "./listener.ts";
import {
  type ListenerOptions,
  type ListenSession,
  ReconnectingListener,
  type SessionEvents,
} from "./reconnecting-listener.ts";

/** What `postgres(…)` answers, as far as it is used. */
export interface PostgresJsClient {
  listen(channel: string, onNotify: (payload: string) => void, onListen?: () => void): Promise<unknown>;
  notify(channel: string, payload: string): PromiseLike<unknown>;
  end(options?: { readonly timeout?: number }): Promise<void>;
  /** As the client parsed them; read whenever it connects. */
  readonly options?: object;
}

export interface PostgresJsListenerOptions extends ListenerOptions {
  /**
   * Makes a client, whenever the one before was lost. Two of its connections are used: `max: 1` keeps it to that. Not
   * through a pooler that shares connections among transactions: there nothing would be heard.
   */
  readonly connect: () => PostgresJsClient;
}

/**
 * Listens through `postgres` (postgres.js), with a client of its own that is replaced when it can't be mended.
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
 * postgres.js listens again when its connection closes, but tries only once, and doesn't tell when a connection is
 * half-open. So the session speaks to itself, from one connection to the other.
 */
class PostgresJsSession implements ListenSession {
  readonly #client: PostgresJsClient;
  readonly #events: SessionEvents;
  readonly #listens = new Map<string, Promise<unknown>>();
  /** Its own: other processes need not hear it. */
  readonly #echo = `queue_echo_${randomSource().randomUUID()}`;
  #onEcho: () => void = () => {};

  constructor(client: PostgresJsClient, events: SessionEvents) {
    // A new connection asks for the server's array types, and 3.4.9 leaves a failure of that query unhandled, which ends
    // the process. Nothing here sends arrays.
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
