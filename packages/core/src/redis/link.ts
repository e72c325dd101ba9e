import type { QueueError } from "../errors/queue-error.ts";
import type { Client } from "./client-source.ts";
import { fromGreeting, isReply, unavailable } from "./connection-errors.ts";

/** Parts of the time a call may take: as many turns of the watch must pass before a silent link is dead. */
const TURNS = 4;

/** What happens to those who call on a link that is gone. Made anew for each, as each has its own stack. */
type Loss = () => QueueError;

/**
 * One connection, from the opening of its socket to its end. It never reconnects: whoever keeps it opens another.
 *
 * Redis answers a connection's calls in their order, so one timer watches over all calls: the link is dead once
 * one that was sent some turns of the timer ago is unanswered. Counting turns, and not milliseconds, leaves out
 * the time in which this process itself stood still, with the answers already waiting for it.
 */
export class Link {
  readonly client: Client;
  readonly #address: string;
  readonly #commandTimeout: number;
  readonly #onLost: (link: Link) => void;
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
  readonly #ended: Promise<void>;

  constructor(
    client: Client,
    settings: { readonly address: string; readonly commandTimeout: number },
    onLost: (link: Link) => void,
  ) {
    this.client = client;
    this.#address = settings.address;
    this.#commandTimeout = settings.commandTimeout;
    this.#onLost = onLost;
    client.on("error", (error) => {
      this.#trouble ??= error;
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
    const timer = setTimeout(() => this.end(this.#silence("the connection", patience)), patience);
    try {
      await new Promise<void>((resolve, reject) => {
        // ioredis may answer late, or when there is no Sentinel never.
        this.#settleOpening = () => reject(this.loss);
        this.client.connect().then(resolve, (error: Error) => {
          this.#trouble ??= error;
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
      void this.end(this.#silence("a call", this.#commandTimeout));
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
    if (trouble === undefined) return unavailable(this.#address, "closed the connection");
    if (isReply(trouble)) return fromGreeting(trouble, this.#address);
    return unavailable(this.#address, `can't be reached: ${trouble.message}`, trouble);
  }

  #silence(what: string, time: number): Loss {
    return () => unavailable(this.#address, `didn't answer ${what} within ${time} ms`);
  }
}
