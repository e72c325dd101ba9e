import type { QueueError } from "../../errors/queue-error.ts";
import type { ClientSource } from "./client-source.ts";
import { fromGreeting, fromSubscribing, unavailable } from "./connection-errors.ts";
import { ReconnectingSession, type SessionSettings } from "./reconnecting-session.ts";
import type { RedisSession } from "./redis-session.ts";

interface Listener {
  readonly onMessage: (message: string) => void;
  readonly onGap: (() => void) | undefined;
  isActive: boolean;
}

/** How often the session is pinged: no message may come for hours, and a dead connection looks the same. */
const CHECK_INTERVAL = 30_000;

/** Subscriptions to channels, in a session of their own that opens with the first one. */
export class Subscriptions {
  readonly #session: ReconnectingSession;
  readonly #source: ClientSource;
  readonly #checkInterval: number;
  readonly #prepareSession: (session: RedisSession) => Promise<void>;
  readonly #channels = new Map<string, Set<Listener>>();
  /** The channels that a session subscribes to, each with the server's answer. */
  readonly #subscribed = new WeakMap<RedisSession, Map<string, Promise<unknown>>>();
  #check: NodeJS.Timeout | undefined;
  /** A channel that the user may not subscribe to, as of the last attempt. */
  #refusal: { readonly channel: string; readonly error: QueueError } | undefined;

  constructor(
    source: ClientSource,
    settings: SessionSettings & { readonly checkInterval?: number },
    prepareSession: (session: RedisSession) => Promise<void>,
  ) {
    this.#prepareSession = prepareSession;
    this.#source = source;
    this.#checkInterval = settings.checkInterval ?? CHECK_INTERVAL;
    this.#session = new ReconnectingSession(source, settings, {
      prepare: (session) => this.#prepare(session),
      onOpen: () => this.#reportGap(),
    });
  }

  get problem(): QueueError | undefined {
    return this.#session.problem ?? this.#refusal?.error;
  }

  async listen(
    channel: string,
    onMessage: (message: string) => void,
    onGap: (() => void) | undefined,
  ): Promise<() => Promise<void>> {
    const listener: Listener = { onMessage, onGap, isActive: false };
    const listeners = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, listeners.add(listener));
    try {
      await this.#subscribe(await this.#session.ready(), channel);
    } catch (error) {
      await this.#unsubscribe(channel, listener);
      throw error;
    }
    listener.isActive = true;
    return () => this.#unsubscribe(channel, listener);
  }

  /** Subscribes in a new session: the present one may lead to a server that is no longer the primary. */
  replaceSession(): void {
    this.#session.replace(() => unavailable(this.#source.address, "lost the connection for messages"));
  }

  /** Tries again to subscribe where that was refused. */
  async recheck(): Promise<void> {
    if (this.#refusal === undefined) return;
    const unsubscribe = await this.listen(this.#refusal.channel, () => {}, undefined).catch(() => undefined);
    await unsubscribe?.();
  }

  async delivered(): Promise<void> {
    const session = this.#session.current;
    // Redis answers after the messages that it has sent before.
    if (session !== undefined) await this.#send(session, session.client.ping()).catch(() => {});
  }

  close(): Promise<void> {
    clearInterval(this.#check);
    this.#channels.clear();
    return this.#session.close();
  }

  async #prepare(session: RedisSession): Promise<void> {
    await this.#prepareSession(session);
    this.#subscribed.set(session, new Map());
    session.client.on("message", (channel, message) => {
      for (const { onMessage } of this.#channels.get(channel) ?? []) onMessage(message);
    });
    await Promise.all([...this.#channels.keys()].map((channel) => this.#subscribe(session, channel)));
  }

  #subscribe(session: RedisSession, channel: string): Promise<unknown> {
    const subscribed = this.#subscribed.get(session)!;
    let answer = subscribed.get(channel);
    if (answer === undefined) {
      answer = session.send<unknown>(session.client.subscribe(channel), (reply) => {
        throw fromSubscribing(reply, this.#source, channel);
      });
      subscribed.set(channel, answer);
      answer.then(
        () => {
          this.#refusal = undefined;
        },
        (error: QueueError) => {
          subscribed.delete(channel);
          if (!error.retryable) this.#refusal = { channel, error };
        },
      );
    }
    return answer;
  }

  async #unsubscribe(channel: string, listener: Listener): Promise<void> {
    const listeners = this.#channels.get(channel);
    if (!listeners?.delete(listener) || listeners.size > 0) return;
    this.#channels.delete(channel);
    const session = this.#session.current;
    if (session === undefined || !this.#subscribed.get(session)!.delete(channel)) return;
    // If this fails the session is lost, and the next one doesn't subscribe to the channel.
    await this.#send(session, session.client.unsubscribe(channel)).catch(() => {});
  }

  #reportGap(): void {
    this.#check ??= setInterval(() => this.#ping(), this.#checkInterval);
    for (const listeners of this.#channels.values()) {
      for (const { isActive, onGap } of listeners) if (isActive) onGap?.();
    }
  }

  #ping(): void {
    const session = this.#session.current;
    // The session ends itself when no answer comes.
    if (session !== undefined) this.#send(session, session.client.ping()).catch(() => {});
  }

  #send<T>(session: RedisSession, answer: Promise<T>): Promise<T> {
    return session.send(answer, (reply) => {
      throw fromGreeting(reply, this.#source.address, this.#source.user);
    });
  }
}
