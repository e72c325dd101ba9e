import { isQueueError, QueueError } from "../../errors/queue-error.ts";
import { isErrorLike, messageOf } from "../../errors/thrown.ts";
import { backoffDelay } from "../../timing/backoff.ts";
import { withTimeout } from "../../timing/with-timeout.ts";
import type { ResolvedRedisOptions } from "../redis-options.ts";
import type { ClientSource } from "./client-source.ts";
import { closed, isRefusal, unavailable, unreachable } from "./connection-errors.ts";
import { RedisSession } from "./redis-session.ts";

/** Half of each pause is random, so that the clients of a restarted server don't all come at once. */
const RECONNECT_BACKOFF = { first: 50, max: 2_000, jitter: 0.5 };

export type SessionSettings = Pick<
  ResolvedRedisOptions,
  "waitForConnection" | "connectTimeout" | "commandTimeout" | "allowEviction"
>;

interface SessionHooks {
  /** Runs on a new session before its first call. If it rejects, another session is opened. */
  prepare(session: RedisSession): Promise<void>;
  onOpen?(): void;
  /** The open session was lost. */
  onLost?(): void;
}

interface Waiter {
  readonly resolve: (session: RedisSession) => void;
  readonly reject: (error: QueueError) => void;
}

/** Keeps a session open from the first call on. Reopens it for ever: after it is lost, and after failed attempts. */
export class ReconnectingSession {
  readonly #source: ClientSource;
  readonly #settings: SessionSettings;
  readonly #hooks: SessionHooks;
  readonly #waiters = new Set<Waiter>();
  #current: RedisSession | undefined;
  #problem: QueueError | undefined;
  /** The session that is being opened. */
  #next: RedisSession | undefined;
  #isOpening = false;
  #wasOpen = false;
  #closed = false;
  /** Attempts to open since a session was last open. */
  #tries = 0;
  /** Failed attempts in total: only a failure changes which Sentinel is asked first. */
  #failures = 0;
  #pause: NodeJS.Timeout | undefined;

  constructor(source: ClientSource, settings: SessionSettings, hooks: SessionHooks) {
    this.#source = source;
    this.#settings = settings;
    this.#hooks = hooks;
  }

  /** The session, while it is open. */
  get current(): RedisSession | undefined {
    return this.#current;
  }

  /** Why no session is open; `undefined` while one is, and before the first call. */
  get problem(): QueueError | undefined {
    return this.#problem;
  }

  /** The session once it is open. Rejects if that takes longer than the settings allow. */
  ready(): Promise<RedisSession> {
    if (this.#closed) return Promise.reject(closed());
    if (this.#current !== undefined) return Promise.resolve(this.#current);
    this.#startOpening();
    if (this.#problem !== undefined && this.#isFinal(this.#problem)) {
      return Promise.reject(copyOf(this.#problem));
    }
    const { waitForConnection, connectTimeout } = this.#settings;
    const timeout = this.#wasOpen ? waitForConnection : connectTimeout;
    return timeout === 0 ? Promise.reject(this.#absenceError()) : this.#wait(timeout);
  }

  /** The session once it is open, however long that takes. Rejects if it can't open before a setting changes. */
  whenOpen(): Promise<RedisSession> {
    if (this.#closed) return Promise.reject(closed());
    if (this.#current !== undefined) return Promise.resolve(this.#current);
    this.#startOpening();
    return this.#wait();
  }

  /** Ends the session, or the one that is being opened, and opens another. */
  replace(createError: () => QueueError): void {
    void this.#current?.end(createError);
    void this.#next?.end(createError);
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
        return this.#absenceError();
      },
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#pause);
    this.#rejectWaiters(closed);
    // Not awaited: a client that is still connecting may never report its end.
    void this.#next?.end(closed);
    await this.#current?.end(closed);
  }

  #startOpening(): void {
    if (!this.#isOpening && this.#pause === undefined) this.#tryOpening();
  }

  #tryOpening(): void {
    this.#isOpening = true;
    this.#open().then(
      (session) => (session.isLost ? this.#onFailed(session.lossError) : this.#onOpened(session)),
      (error: unknown) => this.#onFailed(this.#toQueueError(error)),
    );
  }

  async #open(): Promise<RedisSession> {
    const client = await this.#source.create(this.#failures);
    const { address, tls } = this.#source;
    const settings = { address, tls, commandTimeout: this.#settings.commandTimeout };
    const session = new RedisSession(client, settings, (lost) => this.#onLost(lost));
    if (this.#closed) throw closed();
    this.#next = session;
    try {
      await session.open(this.#source.connectTimeout);
      await this.#hooks.prepare(session);
      session.markUsable();
      return session;
    } catch (error) {
      void session.end(() => this.#toQueueError(error));
      throw error;
    } finally {
      this.#next = undefined;
    }
  }

  #onOpened(session: RedisSession): void {
    this.#isOpening = false;
    if (this.#closed) {
      void session.end(closed);
      return;
    }
    this.#current = session;
    this.#problem = undefined;
    this.#wasOpen = true;
    this.#tries = 0;
    for (const waiter of this.#waiters) waiter.resolve(session);
    this.#waiters.clear();
    this.#hooks.onOpen?.();
  }

  #onFailed(error: QueueError): void {
    this.#isOpening = false;
    if (this.#closed) return;
    this.#problem = error;
    this.#failures++;
    if (this.#isFinal(error)) this.#rejectWaiters(() => copyOf(error));
    this.#openLater();
  }

  /** Each waiter gets its own error, with its own stack. */
  #rejectWaiters(createError: () => QueueError): void {
    for (const waiter of this.#waiters) waiter.reject(createError());
    this.#waiters.clear();
  }

  #onLost(session: RedisSession): void {
    if (session !== this.#current) return;
    this.#current = undefined;
    if (this.#closed) return;
    this.#problem = session.lossError;
    this.#hooks.onLost?.();
    this.#openLater();
  }

  /**
   * Whether waiting for the next attempt is pointless: a refusal stands until a setting changes, and where nothing
   * listens, only `waitForConnection` makes calls wait.
   */
  #isFinal(error: QueueError): boolean {
    if (!error.retryable) return true;
    return this.#settings.waitForConnection === 0 && !this.#source.hasSentinels && isRefusal(error);
  }

  #openLater(): void {
    const pause = backoffDelay(RECONNECT_BACKOFF, ++this.#tries);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#tryOpening();
    }, pause);
  }

  /** The `duplicate` or the connector of a user's client may throw anything. */
  #toQueueError(error: unknown): QueueError {
    if (isQueueError(error)) return error;
    return unreachable(isErrorLike(error) ? error : new Error(messageOf(error)), this.#source.address);
  }

  #absenceError(): QueueError {
    if (this.#problem !== undefined) return copyOf(this.#problem);
    const { connectTimeout } = this.#settings;
    if (this.#next !== undefined) return this.#next.openTimeoutError(connectTimeout);
    return unavailable(this.#source.address, `didn't answer within ${connectTimeout} ms`);
  }
}

/** The same error with the stack of this call. */
function copyOf({ code, message, cause }: QueueError): QueueError {
  return new QueueError(code, message, { cause });
}
