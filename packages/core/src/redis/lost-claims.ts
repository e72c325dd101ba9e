import { isQueueError } from "../errors/queue-error.ts";
import type { RedisConnection } from "./connection/connection.ts";
import { scripts } from "./scripts.ts";

/** Claims remembered when the server can't be told of them; the leases of older ones will expire. */
const MOST_LOST = 100;

/**
 * Claims whose answer was lost with the connection may have leased jobs that nobody runs. Each carries a token of
 * its own, so that they can be given back before the next claim.
 */
export class LostClaims {
  readonly #connection: RedisConnection;
  readonly #name: string;
  readonly #tombstones: number;
  #lost: string[] = [];
  #count = 0;

  constructor(connection: RedisConnection, name: string, tombstones: number) {
    this.#connection = connection;
    this.#name = name;
    this.#tombstones = tombstones;
  }

  /** Runs a claim with a token of its own. Claims that were lost before are given back first. */
  async run(
    claim: (token: string) => Promise<unknown>,
  ): Promise<{ readonly token: string; readonly reply: unknown }> {
    if (this.#lost.length > 0) await this.#giveBack();
    const token = `${this.#name}.${(this.#count++).toString(36)}`;
    try {
      return { token, reply: await claim(token) };
    } catch (error) {
      if (isQueueError(error, "ENGINE_UNAVAILABLE")) this.#lost = [...this.#lost, token].slice(-MOST_LOST);
      throw error;
    }
  }

  async #giveBack(): Promise<void> {
    const lost = this.#lost;
    let cursor = "0";
    do {
      cursor = (await this.#connection.run(scripts.reclaim, [this.#tombstones, cursor, ...lost])) as string;
    } while (cursor !== "0");
    this.#lost = this.#lost.filter((token) => !lost.includes(token));
  }
}
