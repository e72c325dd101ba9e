import type { ChangeListener } from "./listener.ts";
import {
  type ListenerOptions,
  type ListenSession,
  ReconnectingListener,
  type SessionEvents,
} from "./reconnecting-listener.ts";

/** Milliseconds until the socket is destroyed if the server doesn't close the connection. */
const CLOSE_TIMEOUT = 500;

/** The part of a `Client` of `pg` that the listener uses. */
export interface PgClient {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
  readonly connection?: { readonly stream: { destroy(): unknown } };
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end", listener: () => void): unknown;
  on(
    event: "notification",
    listener: (message: { readonly channel: string; readonly payload?: string | undefined }) => void,
  ): unknown;
}

export interface PgListenerOptions extends ListenerOptions {
  /**
   * Creates a client that isn't connected yet. Called for each connection. The client must not come from a pool or go
   * through a pooler in transaction mode: notifications don't arrive there.
   */
  readonly connect: () => PgClient;
}

/**
 * Listens through `pg`, over its own connection, which is replaced when it is lost.
 *
 * @throws {QueueError} `INVALID_OPTIONS`.
 *
 * @example
 * const listener = pgListener({ connect: () => new pg.Client(process.env.DATABASE_URL) });
 */
export function pgListener(options: PgListenerOptions): ChangeListener {
  return new ReconnectingListener(
    "pgListener",
    options,
    (events) => new PgSession(options.connect(), events),
  );
}

class PgSession implements ListenSession {
  readonly #client: PgClient;

  constructor(client: PgClient, events: SessionEvents) {
    this.#client = client;
    client.on("error", (error) => events.onLost(error));
    client.on("end", () => events.onLost(new Error("Connection terminated")));
    client.on("notification", ({ channel, payload }) => events.onMessage(channel, payload ?? ""));
  }

  async open(): Promise<void> {
    await this.#client.connect();
  }

  async listen(channel: string): Promise<void> {
    await this.#client.query(`listen "${channel}"`);
  }

  async check(): Promise<void> {
    await this.#client.query("select 1");
  }

  async end(): Promise<void> {
    const ended = this.#client.end().catch(() => {});
    // A server that doesn't answer doesn't close the connection either.
    const timer = setTimeout(() => this.#client.connection?.stream.destroy(), CLOSE_TIMEOUT);
    await ended;
    clearTimeout(timer);
  }
}
