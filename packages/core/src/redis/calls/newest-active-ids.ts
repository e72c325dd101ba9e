import type { RedisConnection } from "../connection/connection.ts";
import { scripts } from "../scripts.ts";

interface ActiveFilter {
  /** A sequence. */
  readonly before: number;
  readonly limit: number;
  /** All when empty. */
  readonly queues: readonly string[];
}

/**
 * The ids of the newest active jobs. Reads all held jobs page by page, so that no call takes the server long. Jobs that
 * become active meanwhile may be missing.
 */
export async function newestActiveIds(
  connection: RedisConnection,
  { before, limit, queues }: ActiveFilter,
): Promise<readonly string[]> {
  // A map: a job may be on two pages.
  let newest = new Map<string, number>();
  let cursor = "0";
  do {
    const reply = await connection.run(scripts.active, [cursor, before, limit, ...queues]);
    const [next, flat] = reply as readonly [string, readonly string[]];
    for (let index = 0; index < flat.length; index += 2) newest.set(flat[index]!, Number(flat[index + 1]));
    newest = new Map([...newest].sort(([, a], [, b]) => b - a).slice(0, limit));
    cursor = next;
  } while (cursor !== "0");
  return [...newest.keys()];
}
