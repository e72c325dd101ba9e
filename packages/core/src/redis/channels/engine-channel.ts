import { NAME_PATTERN } from "../../contract/names.ts";
import { messageOfError } from "../../engine/engine-errors.ts";
import type { RedisConnection } from "../connection/connection.ts";

export interface EngineChannelHooks {
  /** There may be work in a queue. */
  onWake(queue: string): void;
  /** Messages may have been missed. */
  onGap(): void;
  /** A job that this engine's claims hold was told to stop, for a reason. */
  onCancel(id: string, reason: string): void;
  /** A message isn't in the engine's format. */
  onMalformed(): void;
}

/** The channel on which scripts notify one engine. It is subscribed to on the first `listen`. */
export class EngineChannel {
  readonly #connection: RedisConnection;
  readonly #channel: string;
  readonly #hooks: EngineChannelHooks;
  #listening: Promise<unknown> | undefined;

  constructor(connection: RedisConnection, channel: string, hooks: EngineChannelHooks) {
    this.#connection = connection;
    this.#channel = channel;
    this.#hooks = hooks;
  }

  /** Resolves once the subscription is active. */
  async listen(): Promise<void> {
    this.#listening ??= this.#connection.listen(
      this.#channel,
      (message) => this.#onMessage(message),
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

  /** `wake QUEUE` or `cancel ID ERROR`: see `lua/lib/wake.lua` and `lua/cancel.lua`. Other programs can publish here. */
  #onMessage(message: string): void {
    const [type, subject = "", ...rest] = message.split(" ");
    const isWake = type === "wake" && rest.length === 0 && NAME_PATTERN.test(subject);
    const reason = type === "cancel" ? messageOfError(rest.join(" ")) : undefined;
    if (isWake) this.#hooks.onWake(subject);
    else if (reason !== undefined) this.#hooks.onCancel(subject, reason);
    else this.#hooks.onMalformed();
  }
}
