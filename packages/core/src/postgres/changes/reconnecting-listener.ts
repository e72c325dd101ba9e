import * as z from "zod/mini";
import type { Duration } from "../../contract/duration.ts";
import { duration, parseOptions } from "../../contract/options.ts";
import { isQueueError, QueueError } from "../../errors/queue-error.ts";
import { messageOf } from "../../errors/thrown.ts";
import { CallbackGuard, logFailure } from "../../logging/callback-guard.ts";
import { consoleLogger } from "../../logging/logger.ts";
import { backoffDelay } from "../../timing/backoff.ts";
import { withTimeout } from "../../timing/with-timeout.ts";
import { toTypedError } from "../database-errors.ts";
import type { ChangeListener } from "./listener.ts";

const RECONNECT_BACKOFF = { first: 50, max: 2_000 };

/** Options for detecting a lost connection. */
export interface ListenerOptions {
  /** How often to check that an idle connection is still alive. @default "5s" */
  readonly checkInterval?: Duration | undefined;
  /** How long the server may take to answer or to connect, before the connection is replaced. @default "5s" */
  readonly answerTimeout?: Duration | undefined;
}

const optionsSchema = z.strictObject({
  connect: z.custom<() => unknown>((value) => typeof value === "function", "expected a function"),
  checkInterval: z._default(duration({ min: 10, max: 3_600_000 }), 5_000),
  answerTimeout: z._default(duration({ min: 10, max: 3_600_000 }), 5_000),
});

/** One connection that listens, until it is lost. */
export interface ListenSession {
  /** Connects. */
  open(): Promise<void>;
  /** Resolves once the channel is active. A second call for the same channel changes nothing. */
  listen(channel: string): Promise<void>;
  /** Resolves if notifications sent now would arrive. */
  check(): Promise<void>;
  /** Closes the connection, whatever its state. Never rejects. */
  end(): Promise<void>;
}

export interface SessionEvents {
  onMessage(channel: string, payload: string): void;
  /** The connection was lost. */
  onLost(error: unknown): void;
  /** The driver restored the connection itself. Notifications sent in between are lost. */
  onGap(channel: string): void;
}

interface Registration {
  readonly onMessage: (payload: string) => void;
  readonly onGap: () => void;
  /** Whether its `listen` hasn't resolved yet, so that it can't have missed anything. */
  isPending: boolean;
}

/** Keeps one session open while there are registrations. Reopens it for as long as it takes. */
export class ReconnectingListener implements ChangeListener {
  readonly #guard = new CallbackGuard(logFailure("A callback of a change listener", () => consoleLogger));
  readonly #createSession: (events: SessionEvents) => ListenSession;
  readonly #checkInterval: number;
  readonly #answerTimeout: number;
  readonly #channels = new Map<string, Set<Registration>>();
  /** The active session. */
  #session: ListenSession | undefined;
  /** The session that is being opened. */
  #opening: ListenSession | undefined;
  #connecting: Promise<void> | undefined;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** `what` names the function that takes the options, for errors. @throws {QueueError} `INVALID_OPTIONS`. */
  constructor(
    what: string,
    options: ListenerOptions,
    createSession: (events: SessionEvents) => ListenSession,
  ) {
    const { checkInterval, answerTimeout } = parseOptions(what, optionsSchema, options);
    this.#checkInterval = checkInterval;
    this.#answerTimeout = answerTimeout;
    this.#createSession = createSession;
  }

  async listen(
    channel: string,
    onMessage: (payload: string) => void,
    onGap: () => void,
  ): Promise<() => Promise<void>> {
    if (this.#isClosed) throw closedError();
    const registration: Registration = { onMessage, onGap, isPending: true };
    const registrations = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, registrations.add(registration));
    const stop = async () => {
      registrations.delete(registration);
      if (registrations.size === 0 && this.#channels.get(channel) === registrations) {
        this.#channels.delete(channel);
      }
    };
    try {
      await this.#ensureListening(channel);
    } catch (error) {
      // The next session will listen on the channel.
      if (!isQueueError(error) || !error.retryable) {
        await stop();
        throw error;
      }
    } finally {
      registration.isPending = false;
    }
    return stop;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#channels.clear();
    const sessions = [this.#session, this.#opening];
    this.#session = undefined;
    await Promise.all(sessions.map((session) => session?.end()));
    await this.#connecting?.catch(() => {});
  }

  async #ensureListening(channel: string): Promise<void> {
    if (this.#session === undefined) await this.#connect();
    const session = this.#session;
    if (session === undefined) throw unavailableError("the connection was lost");
    try {
      // Even after opening a session, which listens on all known channels: this one may have been added too late.
      await this.#withTimeout(session.listen(channel));
    } catch (error) {
      this.#dropSession(session);
      throw toListenerError(error);
    }
  }

  /** One attempt, shared by all callers. */
  #connect(): Promise<void> {
    clearTimeout(this.#timer);
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #open(): Promise<void> {
    let reportLoss: (error: unknown) => void = () => {};
    const lost = new Promise<never>((_, reject) => {
      reportLoss = reject;
    });
    lost.catch(() => {});
    let session: ListenSession;
    try {
      session = this.#createSession({
        onMessage: (channel, payload) => {
          for (const { onMessage } of this.#channels.get(channel) ?? []) this.#guard.call(onMessage, payload);
        },
        onGap: (channel) => this.#reportGap(this.#channels.get(channel)),
        onLost: (error) => {
          reportLoss(error);
          this.#dropSession(session);
        },
      });
    } catch (error) {
      // Thrown by the app's `connect`, for example about a URL.
      this.#reconnectLater();
      throw error;
    }
    this.#opening = session;
    try {
      await this.#withTimeout(Promise.race([lost, this.#prepare(session)]));
      if (this.#isClosed) throw closedError();
    } catch (error) {
      await session.end();
      this.#opening = undefined;
      if (this.#isClosed) throw closedError();
      this.#reconnectLater();
      throw toListenerError(error);
    }
    this.#opening = undefined;
    this.#session = session;
    this.#failures = 0;
    this.#timer = setTimeout(() => this.#check(session), this.#checkInterval);
    for (const registrations of this.#channels.values()) this.#reportGap(registrations);
  }

  async #prepare(session: ListenSession): Promise<void> {
    await session.open();
    // Includes channels that are added during the loop.
    for (const channel of this.#channels.keys()) await session.listen(channel);
  }

  async #check(session: ListenSession): Promise<void> {
    try {
      await this.#withTimeout(session.check());
      if (this.#session !== session) return;
      this.#timer = setTimeout(() => this.#check(session), this.#checkInterval);
    } catch {
      this.#dropSession(session);
    }
  }

  #dropSession(session: ListenSession): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    clearTimeout(this.#timer);
    void session.end();
    this.#reconnectLater();
  }

  #reconnectLater(): void {
    const pause = backoffDelay(RECONNECT_BACKOFF, ++this.#failures);
    this.#timer = setTimeout(() => {
      // If it fails, the next attempt is scheduled already.
      if (this.#channels.size > 0) this.#connect().catch(() => {});
    }, pause);
  }

  #reportGap(registrations: Iterable<Registration> = []): void {
    for (const { isPending, onGap } of registrations) if (!isPending) this.#guard.call(onGap);
  }

  #withTimeout<T>(answer: Promise<T>): Promise<T> {
    return withTimeout(answer, {
      milliseconds: this.#answerTimeout,
      createError: (milliseconds) => unavailableError(`Postgres didn't answer within ${milliseconds} ms`),
    });
  }
}

/** Every failure that isn't a permanent rejection is retried. */
function toListenerError(error: unknown): QueueError {
  const known = toTypedError("The listener", error);
  return isQueueError(known) ? known : unavailableError(messageOf(error), error);
}

function unavailableError(what: string, cause?: unknown): QueueError {
  return new QueueError("DATABASE_UNAVAILABLE", `The listener: ${what}. It reconnects on its own.`, {
    cause,
  });
}

function closedError(): QueueError {
  return new QueueError("CLOSED", "The listener is closed. Create a new one.");
}
