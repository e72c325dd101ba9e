import type { QueueError } from "../../errors/queue-error.ts";
import type { Client } from "./client-source.ts";
import {
  fromGreeting,
  fromOpening,
  isProtocolError,
  isReply,
  unavailable,
  unreachable,
} from "./connection-errors.ts";

/** The watch ticks so often within `commandTimeout`. */
const TICKS = 4;

const NO_TLS_HINT = ". A server without TLS does that: then the URL begins with `redis://`";

export interface RedisSessionSettings {
  /** Of the server, for messages. */
  readonly address: string;
  /** Whether the connection begins with TLS; `undefined` where that isn't known. */
  readonly tls: boolean | undefined;
  readonly commandTimeout: number;
}

/** Creates the error of a pending call: each call gets its own, with its own stack. */
type CreateError = () => QueueError;

/**
 * One connection, from the opening of its socket to its end. It never reconnects.
 *
 * Redis answers the calls of a connection in order, so one timer watches all of them: the session is dead if a call
 * that was sent `TICKS` ticks ago has no answer yet. The watch counts ticks, not milliseconds: while this process is
 * blocked nothing ticks, and the answers may already be waiting in the socket.
 */
export class RedisSession {
  readonly client: Client;
  readonly #settings: RedisSessionSettings;
  readonly #onLost: (session: RedisSession) => void;
  #createError: CreateError | undefined;
  /** The first error of the socket: later ones are its consequences. */
  #socketError: Error | undefined;
  #sent = 0;
  #answered = 0;
  /** `#sent` at each of the last ticks. */
  readonly #sentAtTick: number[] = new Array(TICKS).fill(0);
  #tick = 0;
  #watch: NodeJS.Timeout | undefined;
  #rejectOpening: (() => void) | undefined;
  /** Whether the server has answered as Redis does. */
  #isUsable = false;
  readonly #ended: Promise<void>;

  constructor(client: Client, settings: RedisSessionSettings, onLost: (session: RedisSession) => void) {
    this.client = client;
    this.#settings = settings;
    this.#onLost = onLost;
    client.on("error", (error) => {
      this.#socketError ??= error;
      // A server of another kind may keep the connection open for long.
      if (!this.#isUsable && isProtocolError(error)) void this.end(() => this.#endError());
    });
    this.#ended = new Promise((resolve) => {
      client.on("end", () => {
        this.#markLost(() => this.#endError());
        resolve();
      });
    });
  }

  get isLost(): boolean {
    return this.#createError !== undefined;
  }

  /** Why a lost session has ended. */
  get lossError(): QueueError {
    return (this.#createError ?? (() => this.#endError()))();
  }

  /** Connects, within `timeout` milliseconds. */
  async open(timeout: number): Promise<void> {
    const timer = setTimeout(() => this.end(() => this.openTimeoutError(timeout)), timeout);
    try {
      await new Promise<void>((resolve, reject) => {
        // ioredis may settle late, or never if there is no Sentinel.
        this.#rejectOpening = () => reject(this.lossError);
        this.client.connect().then(resolve, (error: Error) => {
          if (!this.isLost) this.#socketError ??= error;
          this.end(() => this.#endError());
        });
      });
      // ioredis connects even if `SELECT` failed, and would leave us in another database.
      if (this.#socketError === undefined) return;
      this.end(() => this.#endError());
      throw this.lossError;
    } finally {
      clearTimeout(timer);
      this.#rejectOpening = undefined;
    }
  }

  openTimeoutError(milliseconds: number): QueueError {
    const { connecting, secureConnecting } = this.client.stream ?? {};
    const isTls = secureConnecting === true && !connecting;
    const what = isTls ? "the TLS handshake" : "the connection";
    const hint = isTls ? NO_TLS_HINT : "";
    return unavailable(this.#settings.address, `didn't answer ${what} within ${milliseconds} ms${hint}`);
  }

  /** Call once the server was checked: from now on, errors of the socket mean that the connection was lost. */
  markUsable(): void {
    this.#isUsable = true;
  }

  /** Awaits a call on `client`. `onRefusal` decides what happens with an error reply. */
  send<T>(reply: Promise<T>, onRefusal: (reply: Error) => T | Promise<T>): Promise<T> {
    this.#sent++;
    if (this.#watch === undefined) this.#startWatch();
    return reply.then(this.#countAnswer as (value: T) => T, (error: unknown) => {
      this.#answered++;
      if (isReply(error)) return onRefusal(error);
      throw (
        this.#createError?.() ?? unavailable(this.#settings.address, "lost the connection", error as Error)
      );
    });
  }

  /** Ends the session and rejects pending calls with `createError`. Resolves once the socket is closed. */
  end(createError: CreateError): Promise<void> {
    this.#markLost(createError);
    this.client.disconnect();
    return this.#ended;
  }

  readonly #countAnswer = (value: unknown): unknown => {
    this.#answered++;
    return value;
  };

  readonly #onTick = (): void => {
    this.#watch = undefined;
    if (this.#answered === this.#sent) return;
    const place = this.#tick++ % TICKS;
    if (this.#answered < this.#sentAtTick[place]!) {
      const text = `didn't answer a call within ${this.#settings.commandTimeout} ms`;
      void this.end(() => unavailable(this.#settings.address, text));
      return;
    }
    this.#sentAtTick[place] = this.#sent;
    this.#startWatch();
  };

  #startWatch(): void {
    if (this.isLost) return;
    this.#watch = setTimeout(this.#onTick, Math.ceil(this.#settings.commandTimeout / TICKS));
  }

  #markLost(createError: CreateError): void {
    if (this.isLost) return;
    this.#createError = createError;
    clearTimeout(this.#watch);
    this.#rejectOpening?.();
    this.#onLost(this);
  }

  #endError(): QueueError {
    const { address, tls } = this.#settings;
    const error = this.#socketError;
    if (!this.#isUsable) return fromOpening({ error, tls }, address);
    if (error === undefined) return unavailable(address, "closed the connection");
    if (isReply(error)) return fromGreeting(error, address);
    return unreachable(error, address);
  }
}
