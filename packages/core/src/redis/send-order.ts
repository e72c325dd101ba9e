import type { RedisConnection } from "./connection/connection.ts";
import { scripts } from "./scripts.ts";

/** What the script answers when it was called before the call that it was to follow. */
const OUT_OF_TURN = "out of turn";

/**
 * Sends of one engine, any number of them under way, stored in the order in which they were made.
 *
 * The connection keeps that order except when the server forgot its scripts: then the first call is refused and
 * made again, while one behind it may find the script loaded by another client. So each call that is made while
 * another is under way names that one, and is refused, and made again, if it comes before it.
 */
export class SendOrder {
  readonly #connection: RedisConnection;
  readonly #name: string;
  #count = 0;
  #underway: { readonly number: number; readonly settled: Promise<unknown> } | undefined;

  constructor(connection: RedisConnection, name: string) {
    this.#connection = connection;
    this.#name = name;
  }

  /** Runs `lua/enqueue.lua` with these arguments after its own. */
  run(args: readonly (string | number)[]): Promise<unknown> {
    const number = ++this.#count;
    const before = this.#underway;
    const answer = this.#call(number, before?.number ?? "", args).then((reply) => {
      if (reply !== OUT_OF_TURN) return reply;
      return before!.settled.then(() => this.#call(number, "", args));
    });
    const settled = answer.then(
      () => this.#settle(number),
      () => this.#settle(number),
    );
    this.#underway = { number, settled };
    return answer;
  }

  #call(number: number, after: number | "", args: readonly (string | number)[]): Promise<unknown> {
    return this.#connection.run(scripts.enqueue, [this.#name, number, after, ...args]);
  }

  #settle(number: number): void {
    if (this.#underway?.number === number) this.#underway = undefined;
  }
}
