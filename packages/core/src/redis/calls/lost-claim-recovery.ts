import { isQueueError } from "../../errors/queue-error.ts";
import type { RedisConnection } from "../connection/connection.ts";
import { scripts } from "../scripts.ts";

/** Lost claims that are remembered while the server is away. The leases of older ones expire. */
const MAX_LOST_CLAIMS = 100;

/**
 * Releases the jobs of claims whose reply was lost with the connection: the server may have leased jobs that nobody
 * runs. Each claim has its own token, by which the next claim releases them.
 */
export class LostClaimRecovery {
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

  /** Runs a claim with its own token, after releasing lost claims. */
  async run(
    claim: (token: string) => Promise<unknown>,
  ): Promise<{ readonly token: string; readonly reply: unknown }> {
    if (this.#lost.length > 0) await this.#releaseLost();
    const token = `${this.#name}.${(this.#count++).toString(36)}`;
    try {
      return { token, reply: await claim(token) };
    } catch (error) {
      if (isQueueError(error, "ENGINE_UNAVAILABLE"))
        this.#lost = [...this.#lost, token].slice(-MAX_LOST_CLAIMS);
      throw error;
    }
  }

  async #releaseLost(): Promise<void> {
    const lost = this.#lost;
    let cursor = "0";
    do {
      cursor = (await this.#connection.run(scripts.reclaim, [this.#tombstones, cursor, ...lost])) as string;
    } while (cursor !== "0");
    this.#lost = this.#lost.filter((token) => !lost.includes(token));
  }
}
