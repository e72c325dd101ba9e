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

/** How a lost connection is noticed. */
export interface ListenerOptions {
  /** How often a connection on which nothing need ever come is asked whether it still lives. @default "5s" */
  readonly checkInterval?: Duration | undefined;
  /** How long the server may take to answer, also to connect. Then the connection is replaced. @default "5s" */
  readonly answerTimeout?: Duration | undefined;
}

const optionsSchema = z.strictObject({
  connect: z.custom<() => unknown>((value) => typeof value === "function", "expected a function"),
  checkInterval: z._default(duration({ min: 10, max: 3_600_000 }), 5_000),
  answerTimeout: z._default(duration({ min: 10, max: 3_600_000 }), 5_000),
});

/** One connection that listens. It serves until it is lost. */
export interface ListenSession {
  /** Connects. */
  open(): Promise<void>;
  /** Resolves once it is in force. A second time for the same channel changes nothing. */
  listen(channel: string): Promise<void>;
  /** Resolves when what is sent now would be heard. */
  check(): Promise<void>;
  /** Gives the connection up, whatever state it is in. Never rejects. */
  end(): Promise<void>;
}

export interface SessionEvents {
  onMessage(channel: string, payload: string): void;
  /** The connection is gone. */
  onLost(error: unknown): void;
  /** The driver has mended it by itself; what was sent meanwhile is lost. */
  onGap(channel: string): void;
}

interface Registration {
  readonly onMessage: (payload: string) => void;
  readonly onGap: () => void;
  /** Whether its `listen` hasn't answered yet: it has missed nothing. */
  isPending: boolean;
}

/** Keeps one session open while anybody listens: when it is lost or can't be opened, it tries again, for ever. */
export class ReconnectingListener implements ChangeListener {
  readonly #guard = new CallbackGuard(logFailure("A callback of a change listener", () => consoleLogger));
  readonly #createSession: (events: SessionEvents) => ListenSession;
  readonly #checkInterval: number;
  readonly #answerTimeout: number;
  readonly #channels = new Map<string, Set<Registration>>();
  /** In force. */
  #session: ListenSession | undefined;
  /** Being opened. */
  #opening: ListenSession | undefined;
  #connecting: Promise<void> | undefined;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** `what` names the function that takes the options. @throws {QueueError} `INVALID_OPTIONS`. */
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
      // The next session will bring it into force.
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
      // Also where a new session was told of all channels: this one may have come too late for that.
      await this.#withTimeout(session.listen(channel));
    } catch (error) {
      this.#dropSession(session);
      throw toListenerError(error);
    }
  }

  /** One try, for all who wait for it. */
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
      // Of the app's own function, for example about an URL.
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
    // Those that are added meanwhile are among them.
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
      // Nobody waits for this try: the next one comes by itself.
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

/** Whatever ends a connection that isn't a refusal is tried again. */
function toListenerError(error: unknown): QueueError {
  const known = toTypedError("The listener", error);
  return isQueueError(known) ? known : unavailableError(messageOf(error), error);
}

function unavailableError(what: string, cause?: unknown): QueueError {
  return new QueueError("DATABASE_UNAVAILABLE", `The listener: ${what}. It reconnects by itself.`, { cause });
}

function closedError(): QueueError {
  return new QueueError("CLOSED", "The listener is closed. Create a new one.");
}
