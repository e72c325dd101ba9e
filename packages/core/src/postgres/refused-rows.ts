import { isRowError } from "./database-errors.ts";

/**
 * Runs a statement over many items. If Postgres rejects it because of an item's values, it runs over each half instead,
 * until every other item is written. Errors that aren't about an item are thrown.
 */
export async function isolateRefused<Item>(
  items: readonly Item[],
  run: (items: readonly Item[]) => Promise<void>,
  onRefused: (item: Item, error: unknown) => Promise<void> | void,
): Promise<void> {
  try {
    if (items.length > 0) await run(items);
  } catch (error) {
    if (!isRowError(error)) throw error;
    if (items.length === 1) return onRefused(items[0]!, error);
    const half = items.length >> 1;
    await isolateRefused(items.slice(0, half), run, onRefused);
    await isolateRefused(items.slice(half), run, onRefused);
  }
}
