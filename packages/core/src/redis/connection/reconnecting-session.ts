import { isQueueError, QueueError } from "../../errors/queue-error.ts";
import { isErrorLike, messageOf } from "../../errors/thrown.ts";
import { backoffDelay } from "../../timing/backoff.ts";
import { withTimeout } from "../../timing/with-timeout.ts";
import type { ResolvedRedisOptions } from "../redis-options.ts";
import type { ClientSource } from "./client-source.ts";
import { closed, isRefusal, unavailable, unreachable } from "./connection-errors.ts";
import { RedisSession } from "./redis-session.ts";

/** Half of each pause is random, so that the clients of a server that comes back don't come all at once. */
const RECONNECT_BACKOFF = { first: 50, max: 2_000, jitter: 0.5 };

export type LinkSettings = Pick<
  ResolvedRedisOptions,
  "waitForConnection" | "connectTimeout" | "commandTimeout" | "allowEviction"
>;

interface LinkHooks {
  /** Readies a new link before anybody uses it. When this rejects, another is tried. */
  prepare(link: RedisSession): Promise<void>;
  onOpen?(): void;
  /** The link that was open is gone. */
  onLost?(): void;
}

interface Waiter {
  readonly resolve: (link: RedisSession) => void;
  readonly reject: (error: QueueError) => void;
}

/** Keeps one link open from the first need on: when it is lost or can't be opened, it tries again, for ever. */
export class ReconnectingSession {
  readonly #source: ClientSource;
  readonly #settings: LinkSettings;
  readonly #hooks: LinkHooks;
  readonly #waiters = new Set<Waiter>();
  #current: RedisSession | undefined;
  #problem: QueueError | undefined;
  /** The link that is being opened. */
  #next: RedisSession | undefined;
  #isTrying = false;
  #wasOpen = false;
  #closed = false;
  /** Tries to open one since there last was one. */
  #tries = 0;
  /** All that failed: where to begin is changed only then. */
  #failures = 0;
  #pause: NodeJS.Timeout | undefined;

  constructor(source: ClientSource, settings: LinkSettings, hooks: LinkHooks) {
    this.#source = source;
    this.#settings = settings;
    this.#hooks = hooks;
  }

  /** The link, while it is open. */
  get current(): RedisSession | undefined {
    return this.#current;
  }

  /** Why there is no link now; `undefined` while there is one, or nobody needed one yet. */
  get problem(): QueueError | undefined {
    return this.#problem;
  }

  /** The open link, or the next one if that comes soon enough. */
  ready(): Promise<RedisSession> {
    if (this.#closed) return Promise.reject(closed());
    if (this.#current !== undefined) return Promise.resolve(this.#current);
    if (!this.#isTrying && this.#pause === undefined) this.#try();
    if (this.#problem !== undefined && this.#isFinal(this.#problem))
      return Promise.reject(again(this.#problem));
    const { waitForConnection, connectTimeout } = this.#settings;
    const timeout = this.#wasOpen ? waitForConnection : connectTimeout;
    return timeout === 0 ? Promise.reject(this.#absence()) : this.#wait(timeout);
  }

  /** The open link, or the next one whenever it comes. Rejects when it can't come before somebody acts. */
  opened(): Promise<RedisSession> {
    if (this.#closed) return Promise.reject(closed());
    if (this.#current !== undefined) return Promise.resolve(this.#current);
    if (!this.#isTrying && this.#pause === undefined) this.#try();
    return this.#wait();
  }

  /** Ends the link, also one that is being opened, and opens another. */
  renew(loss: () => QueueError): void {
    void this.#current?.end(loss);
    void this.#next?.end(loss);
  }

  #wait(timeout?: number): Promise<RedisSession> {
    let waiter: Waiter | undefined;
    const opened = new Promise<RedisSession>((resolve, reject) => {
      waiter = { resolve, reject };
      this.#waiters.add(waiter);
    });
    if (timeout === undefined) return opened;
    return withTimeout(opened, {
      milliseconds: timeout,
      createError: () => {
        this.#waiters.delete(waiter!);
        return this.#absence();
      },
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#pause);
    this.#rejectWaiters(closed);
    // A client that is still connecting may never say that it ended; nothing waits for it.
    void this.#next?.end(closed);
    await this.#current?.end(closed);
  }

  #try(): void {
    this.#isTrying = true;
    this.#open().then(
      (link) => (link.isLost ? this.#failed(link.loss) : this.#opened(link)),
      (error: unknown) => this.#failed(this.#typed(error)),
    );
  }

  async #open(): Promise<RedisSession> {
    const client = await this.#source.make(this.#failures);
    const { address, tls } = this.#source;
    const settings = { address, tls, commandTimeout: this.#settings.commandTimeout };
    const link = new RedisSession(client, settings, (lost) => this.#lost(lost));
    if (this.#closed) throw closed();
    this.#next = link;
    try {
      await link.open(this.#source.patience);
      await this.#hooks.prepare(link);
      link.use();
      return link;
    } catch (error) {
      void link.end(() => this.#typed(error));
      throw error;
    } finally {
      this.#next = undefined;
    }
  }

  #opened(link: RedisSession): void {
    this.#isTrying = false;
    if (this.#closed) {
      void link.end(closed);
      return;
    }
    this.#current = link;
    this.#problem = undefined;
    this.#wasOpen = true;
    this.#tries = 0;
    for (const waiter of this.#waiters) waiter.resolve(link);
    this.#waiters.clear();
    this.#hooks.onOpen?.();
  }

  #failed(error: QueueError): void {
    this.#isTrying = false;
    if (this.#closed) return;
    this.#problem = error;
    this.#failures++;
    if (this.#isFinal(error)) this.#rejectWaiters(() => again(error));
    this.#retry();
  }

  /** Each with an error of its own, which has its own stack. */
  #rejectWaiters(createError: () => QueueError): void {
    for (const waiter of this.#waiters) waiter.reject(createError());
    this.#waiters.clear();
  }

  #lost(link: RedisSession): void {
    if (link !== this.#current) return;
    this.#current = undefined;
    if (this.#closed) return;
    this.#problem = link.loss;
    this.#hooks.onLost?.();
    this.#retry();
  }

  /**
   * Whether waiting for the next try is in vain: a refusal stands until somebody acts, and where nobody listens only
   * those wait that said so.
   */
  #isFinal(error: QueueError): boolean {
    if (!error.retryable) return true;
    return this.#settings.waitForConnection === 0 && !this.#source.hasSentinels && isRefusal(error);
  }

  #retry(): void {
    const pause = backoffDelay(RECONNECT_BACKOFF, ++this.#tries);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#try();
    }, pause);
  }

  /** What a user's client throws, when copied or by a connector of its own, is anything. */
  #typed(error: unknown): QueueError {
    if (isQueueError(error)) return error;
    return unreachable(isErrorLike(error) ? error : new Error(messageOf(error)), this.#source.address);
  }

  #absence(): QueueError {
    if (this.#problem !== undefined) return again(this.#problem);
    const { connectTimeout } = this.#settings;
    if (this.#next !== undefined) return this.#next.silence(connectTimeout);
    return unavailable(this.#source.address, `didn't answer within ${connectTimeout} ms`);
  }
}

/** The same error for somebody else, with a stack of their own. */
function again({ code, message, cause }: QueueError): QueueError {
  return new QueueError(code, message, { cause });
}
