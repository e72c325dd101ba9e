import type { QueueError } from "../../errors/queue-error.ts";
import type { ClientSource } from "./client-source.ts";
import { fromGreeting, unavailable } from "./connection-errors.ts";
import { type LinkSettings, ReconnectingSession } from "./reconnecting-session.ts";
import type { RedisSession } from "./redis-session.ts";

interface Listener {
  readonly onMessage: (message: string) => void;
  readonly onGap: (() => void) | undefined;
  isInForce: boolean;
}

/** How often a connection on which nothing need ever come is asked whether it still lives. */
const CHECK_EVERY = 30_000;

/** Listens to channels, on a connection of its own that is opened when first needed. */
export class Subscriptions {
  readonly #keeper: ReconnectingSession;
  readonly #address: string;
  readonly #checkEvery: number;
  readonly #prepareLink: (link: RedisSession) => Promise<void>;
  readonly #channels = new Map<string, Set<Listener>>();
  /** The channels that a link was told of, each with the server's answer. */
  readonly #told = new WeakMap<RedisSession, Map<string, Promise<unknown>>>();
  #check: NodeJS.Timeout | undefined;
  /** A channel that the server didn't let us listen to, the last time we asked, and why. */
  #refusal: { readonly channel: string; readonly error: QueueError } | undefined;

  constructor(
    source: ClientSource,
    settings: LinkSettings & { readonly checkEvery?: number },
    prepareLink: (link: RedisSession) => Promise<void>,
  ) {
    this.#prepareLink = prepareLink;
    this.#address = source.address;
    this.#checkEvery = settings.checkEvery ?? CHECK_EVERY;
    this.#keeper = new ReconnectingSession(source, settings, {
      prepare: (link) => this.#prepare(link),
      onOpen: () => this.#reportGap(),
    });
  }

  get problem(): QueueError | undefined {
    return this.#keeper.problem ?? this.#refusal?.error;
  }

  async listen(
    channel: string,
    onMessage: (message: string) => void,
    onGap: (() => void) | undefined,
  ): Promise<() => Promise<void>> {
    const listener: Listener = { onMessage, onGap, isInForce: false };
    const listeners = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, listeners.add(listener));
    try {
      await this.#subscribe(await this.#keeper.ready(), channel);
    } catch (error) {
      await this.#leave(channel, listener);
      throw error;
    }
    listener.isInForce = true;
    return () => this.#leave(channel, listener);
  }

  /** Listens on a new connection: the one that is open, or is being opened, may lead to a server that was left. */
  renew(): void {
    this.#keeper.renew(() => unavailable(this.#address, "is listened to on a new connection"));
  }

  /** Asks again where it was refused to listen. */
  async recheck(): Promise<void> {
    if (this.#refusal === undefined) return;
    const leave = await this.listen(this.#refusal.channel, () => {}, undefined).catch(() => undefined);
    await leave?.();
  }

  async delivered(): Promise<void> {
    const link = this.#keeper.current;
    // Redis answers behind the messages that it has sent.
    if (link !== undefined) await this.#send(link, link.client.ping()).catch(() => {});
  }

  close(): Promise<void> {
    clearInterval(this.#check);
    this.#channels.clear();
    return this.#keeper.close();
  }

  async #prepare(link: RedisSession): Promise<void> {
    await this.#prepareLink(link);
    this.#told.set(link, new Map());
    link.client.on("message", (channel, message) => {
      for (const { onMessage } of this.#channels.get(channel) ?? []) onMessage(message);
    });
    await Promise.all([...this.#channels.keys()].map((channel) => this.#subscribe(link, channel)));
  }

  #subscribe(link: RedisSession, channel: string): Promise<unknown> {
    const told = this.#told.get(link)!;
    let answer = told.get(channel);
    if (answer === undefined) {
      answer = this.#send(link, link.client.subscribe(channel));
      told.set(channel, answer);
      answer.then(
        () => {
          this.#refusal = undefined;
        },
        (error: QueueError) => {
          told.delete(channel);
          if (!error.retryable) this.#refusal = { channel, error };
        },
      );
    }
    return answer;
  }

  async #leave(channel: string, listener: Listener): Promise<void> {
    const listeners = this.#channels.get(channel);
    if (!listeners?.delete(listener) || listeners.size > 0) return;
    this.#channels.delete(channel);
    const link = this.#keeper.current;
    if (link === undefined || !this.#told.get(link)!.delete(channel)) return;
    // Where this fails the link is lost, and the next one isn't told of the channel.
    await this.#send(link, link.client.unsubscribe(channel)).catch(() => {});
  }

  #reportGap(): void {
    this.#check ??= setInterval(() => this.#checkLink(), this.#checkEvery);
    for (const listeners of this.#channels.values()) {
      for (const { isInForce, onGap } of listeners) if (isInForce) onGap?.();
    }
  }

  #checkLink(): void {
    const link = this.#keeper.current;
    // An answer that doesn't come is the link's own concern.
    if (link !== undefined) this.#send(link, link.client.ping()).catch(() => {});
  }

  #send<T>(link: RedisSession, answer: Promise<T>): Promise<T> {
    return link.send(answer, (reply) => {
      throw fromGreeting(reply, this.#address);
    });
  }
}
