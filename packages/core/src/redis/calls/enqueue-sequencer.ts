import type { RedisConnection } from "../connection/connection.ts";
import { scripts } from "../scripts.ts";

/** The reply to a call that ran before the one that it follows. */
const OUT_OF_TURN = "out of turn";

/**
 * Keeps the concurrent sends of one engine in order.
 *
 * The connection keeps that order unless the server has lost its scripts: then the first call is refused and repeated,
 * while a later one may find the script loaded by another client. So each call names the pending call before it. The
 * script refuses a call that comes too early, which is then repeated.
 */
export class EnqueueSequencer {
  readonly #connection: RedisConnection;
  readonly #name: string;
  #count = 0;
  #pending: { readonly number: number; readonly settled: Promise<unknown> } | undefined;

  constructor(connection: RedisConnection, name: string) {
    this.#connection = connection;
    this.#name = name;
  }

  /** Runs `lua/enqueue.lua` with these arguments after its own. */
  run(args: readonly (string | number)[]): Promise<unknown> {
    const number = ++this.#count;
    const before = this.#pending;
    const answer = this.#call(number, before?.number ?? "", args).then((reply) => {
      if (reply !== OUT_OF_TURN) return reply;
      return before!.settled.then(() => this.#call(number, "", args));
    });
    const settled = answer.then(
      () => this.#settle(number),
      () => this.#settle(number),
    );
    this.#pending = { number, settled };
    return answer;
  }

  #call(number: number, after: number | "", args: readonly (string | number)[]): Promise<unknown> {
    return this.#connection.run(scripts.enqueue, [this.#name, number, after, ...args]);
  }

  #settle(number: number): void {
    if (this.#pending?.number === number) this.#pending = undefined;
  }
}
