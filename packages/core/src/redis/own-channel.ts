import type { RedisConnection } from "./connection.ts";

export interface OwnChannelHooks {
  /** There may be work in a queue. */
  onWake(queue: string): void;
  /** Calls may have been missed. */
  onGap(): void;
  /** A job that this engine's claims hold was told to stop. `error` is JSON text. */
  onCancel(id: string, error: string): void;
}

/** The channel on which scripts call one engine by its name. Listened to from the first need on. */
export class OwnChannel {
  readonly #connection: RedisConnection;
  readonly #channel: string;
  readonly #hooks: OwnChannelHooks;
  #listening: Promise<unknown> | undefined;

  constructor(connection: RedisConnection, channel: string, hooks: OwnChannelHooks) {
    this.#connection = connection;
    this.#channel = channel;
    this.#hooks = hooks;
  }

  /** Resolves once calls are heard. */
  async listen(): Promise<void> {
    this.#listening ??= this.#connection.listen(
      this.#channel,
      (message) => this.#hear(message),
      () => this.#hooks.onGap(),
    );
    const listening = this.#listening;
    try {
      await listening;
    } catch (error) {
      if (this.#listening === listening) this.#listening = undefined;
      throw error;
    }
  }

  /** `wake QUEUE` or `cancel ID ERROR`: see `lua/lib/wake.lua` and `lua/cancel.lua`. */
  #hear(message: string): void {
    const [call, subject, ...rest] = message.split(" ") as [string, string, ...string[]];
    if (call === "wake") this.#hooks.onWake(subject);
    else this.#hooks.onCancel(subject, rest.join(" "));
  }
}
