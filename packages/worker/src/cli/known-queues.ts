import type { Queue, QueueStats } from "@org/queue";
import { closest } from "../closest.ts";
import { CommandError } from "../exit-codes.ts";

/**
 * The entries of the queues that were named, or all.
 *
 * @throws {CommandError} for a queue that there isn't.
 */
export function chooseQueues<Entry extends { readonly queue: string }>(
  names: readonly string[],
  entries: readonly Entry[],
): readonly Entry[] {
  if (names.length === 0) return entries;
  const known = entries.map(({ queue }) => queue);
  for (const name of names) {
    if (known.includes(name)) continue;
    const close = closest(name, known);
    const hint = close ? `Did you mean ${close}?` : `The queues are: ${known.join(", ")}.`;
    throw new CommandError(`There is no queue ${JSON.stringify(name)}. ${hint}`);
  }
  return entries.filter(({ queue }) => names.includes(queue));
}

/**
 * Queues of the registry, or of another app on the same server, with their figures.
 *
 * @throws {CommandError} for a queue that there isn't.
 */
export async function findQueues(queue: Queue, names: readonly string[]): Promise<readonly QueueStats[]> {
  const { queues } = await queue.stats();
  return chooseQueues(names, queues);
}
