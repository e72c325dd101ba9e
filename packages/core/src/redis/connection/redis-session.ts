import type { QueueError } from "../../errors/queue-error.ts";
import type { Client } from "./client-source.ts";
import {
  fromGreeting,
  fromOpening,
  isReply,
  isStrange,
  unavailable,
  unreachable,
} from "./connection-errors.ts";

/** Parts of the time a call may take: as many turns of the watch must pass before a silent link is dead. */
const TURNS = 4;

const PLAIN = ". A server without TLS does that: then the URL begins with `redis://`";

/** What a link is told of its server, for messages. */
interface LinkSource {
  readonly address: string;
  /** Whether the connection begins with TLS; `undefined` where that isn't known. */
  readonly tls: boolean | undefined;
}

/** What happens to those who call on a link that is gone. Made anew for each, as each has its own stack. */
type Loss = () => QueueError;

/**
 * One connection, from the opening of its socket to its end. It never reconnects: whoever keeps it opens another.
 *
 * Redis answers a connection's calls in their order, so one timer watches over all calls: the link is dead once
 * one that was sent some turns of the timer ago is unanswered. Counting turns, and not milliseconds, leaves out
 * the time in which this process itself stood still, with the answers already waiting for it.
 */
export class RedisSession {
  readonly client: Client;
  readonly #address: string;
  readonly #tls: boolean | undefined;
  readonly #commandTimeout: number;
  readonly #onLost: (link: RedisSession) => void;
  #loss: Loss | undefined;
  /** The first trouble of the socket: those after it are its consequences. */
  #trouble: Error | undefined;
  #sent = 0;
  #answered = 0;
  /** How many calls were sent, some turns ago and since. */
  readonly #marks: number[] = new Array(TURNS).fill(0);
  #turn = 0;
  #watch: NodeJS.Timeout | undefined;
  #settleOpening: (() => void) | undefined;
  /** Whether the server has answered. */
  #isUsable = false;
  readonly #ended: Promise<void>;

  constructor(
    client: Client,
    settings: LinkSource & { readonly commandTimeout: number },
    onLost: (link: RedisSession) => void,
  ) {
    this.client = client;
    this.#address = settings.address;
    this.#tls = settings.tls;
    this.#commandTimeout = settings.commandTimeout;
    this.#onLost = onLost;
    client.on("error", (error) => {
      this.#trouble ??= error;
      // What isn't Redis may keep the connection for long.
      if (!this.#isUsable && isStrange(error)) void this.end(() => this.#gone());
    });
    this.#ended = new Promise((resolve) => {
      client.on("end", () => {
        this.#lose(() => this.#gone());
        resolve();
      });
    });
  }

  get isLost(): boolean {
    return this.#loss !== undefined;
  }

  /** What became of it. To be asked of a lost one. */
  get loss(): QueueError {
    return (this.#loss ?? (() => this.#gone()))();
  }

  /** Connects, within `patience`. */
  async open(patience: number): Promise<void> {
    const timer = setTimeout(() => this.end(() => this.silence(patience)), patience);
    try {
      await new Promise<void>((resolve, reject) => {
        // ioredis may answer late, or when there is no Sentinel never.
        this.#settleOpening = () => reject(this.loss);
        this.client.connect().then(resolve, (error: Error) => {
          if (!this.isLost) this.#trouble ??= error;
          this.end(() => this.#gone());
        });
      });
      // A handshake in which `SELECT` failed counts as done, and would leave us in another database.
      const trouble = this.#trouble;
      if (trouble === undefined) return;
      this.end(() => this.#gone());
      throw this.loss;
    } finally {
      clearTimeout(timer);
      this.#settleOpening = undefined;
    }
  }

  /** What it means that the connection isn't open after so long. */
  silence(time: number): QueueError {
    const { connecting, secureConnecting } = this.client.stream ?? {};
    const isTls = secureConnecting === true && !connecting;
    const what = isTls ? "the TLS handshake" : "the connection";
    return unavailable(this.#address, `didn't answer ${what} within ${time} ms${isTls ? PLAIN : ""}`);
  }

  /** The server has answered and is one of ours: from now on what fails is the connection. */
  use(): void {
    this.#isUsable = true;
  }

  /** The answer to a call on `client`. `onRefusal` decides what an error of the server's becomes. */
  send<T>(answer: Promise<T>, onRefusal: (reply: Error) => T | Promise<T>): Promise<T> {
    this.#sent++;
    if (this.#watch === undefined) this.#rearm();
    return answer.then(this.#count as (value: T) => T, (error: unknown) => {
      this.#answered++;
      if (isReply(error)) return onRefusal(error);
      throw this.#loss?.() ?? unavailable(this.#address, "lost the connection", error as Error);
    });
  }

  /** Gives the link up: whoever waits for an answer is rejected with `loss`. Answers once the socket is gone. */
  end(loss: Loss): Promise<void> {
    this.#lose(loss);
    this.client.disconnect();
    return this.#ended;
  }

  readonly #count = (value: unknown): unknown => {
    this.#answered++;
    return value;
  };

  readonly #onTurn = (): void => {
    this.#watch = undefined;
    if (this.#answered === this.#sent) return;
    const place = this.#turn++ % TURNS;
    if (this.#answered < this.#marks[place]!) {
      const text = `didn't answer a call within ${this.#commandTimeout} ms`;
      void this.end(() => unavailable(this.#address, text));
      return;
    }
    this.#marks[place] = this.#sent;
    this.#rearm();
  };

  #rearm(): void {
    if (this.isLost) return;
    this.#watch = setTimeout(this.#onTurn, Math.ceil(this.#commandTimeout / TURNS));
  }

  #lose(loss: Loss): void {
    if (this.isLost) return;
    this.#loss = loss;
    clearTimeout(this.#watch);
    this.#settleOpening?.();
    this.#onLost(this);
  }

  #gone(): QueueError {
    const trouble = this.#trouble;
    if (!this.#isUsable) return fromOpening({ error: trouble, tls: this.#tls }, this.#address);
    if (trouble === undefined) return unavailable(this.#address, "closed the connection");
    if (isReply(trouble)) return fromGreeting(trouble, this.#address);
    return unreachable(trouble, this.#address);
  }
}
