import type { RedisConnection } from "../connection/connection.ts";
import type { Script } from "../connection/script.ts";

/** The reply to a call that ran before the one that it follows. */
const OUT_OF_TURN = "out of turn";
/** The reply of `lua/send.lua` when only `lua/enqueue.lua` can store the job. */
const GENERAL = "general";

/** `args` is called when the script runs. */
export interface SendCall {
  readonly script: Script;
  readonly args: () => readonly (string | number)[];
}

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

  /**
   * Runs a script that includes `lua/lib/turn.lua` with these arguments after its own, then those that come next until
   * one has stored the jobs: a script that can't answers `GENERAL`.
   */
  run(...calls: readonly SendCall[]): Promise<unknown> {
    const number = ++this.#count;
    const before = this.#pending;
    const answer = this.#first(calls, number, before?.number ?? "").then((reply) => {
      if (reply !== OUT_OF_TURN) return reply;
      return before!.settled.then(() => this.#first(calls, number, ""));
    });
    const settled = answer.then(
      () => this.#settle(number),
      () => this.#settle(number),
    );
    this.#pending = { number, settled };
    return answer;
  }

  #first(calls: readonly SendCall[], number: number, after: number | ""): Promise<unknown> {
    const { script, args } = calls[0]!;
    const reply = this.#connection.run(script, [this.#name, number, after, ...args()]);
    if (calls.length === 1) return reply;
    return reply.then((text) => (text === GENERAL ? this.#first(calls.slice(1), number, after) : text));
  }

  #settle(number: number): void {
    if (this.#pending?.number === number) this.#pending = undefined;
  }
}
