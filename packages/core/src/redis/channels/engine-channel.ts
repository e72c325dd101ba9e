import { NAME_PATTERN } from "../../contract/names.ts";
import type { RedisConnection } from "../connection/connection.ts";

export interface OwnChannelHooks {
  /** There may be work in a queue. */
  onWake(queue: string): void;
  /** Calls may have been missed. */
  onGap(): void;
  /** A job that this engine's claims hold was told to stop, for a reason. */
  onCancel(id: string, reason: string): void;
  /** A message isn't one of ours. */
  onMalformed(): void;
}

/** The channel on which scripts call one engine by its name. Listened to from the first need on. */
export class EngineChannel {
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

  /** `wake QUEUE` or `cancel ID ERROR`: see `lua/lib/wake.lua` and `lua/cancel.lua`. Anybody can publish here. */
  #hear(message: string): void {
    const [call, subject = "", ...rest] = message.split(" ");
    const isWake = call === "wake" && rest.length === 0 && NAME_PATTERN.test(subject);
    const reason = call === "cancel" ? reasonOf(rest.join(" ")) : undefined;
    if (isWake) this.#hooks.onWake(subject);
    else if (reason !== undefined) this.#hooks.onCancel(subject, reason);
    else this.#hooks.onMalformed();
  }
}

function reasonOf(error: string): string | undefined {
  try {
    const { message } = JSON.parse(error);
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}
