import { hashText } from "../../errors/hash-text.ts";
import { QueueError } from "../../errors/queue-error.ts";

/** An engine's cursor, marked with the filter that it belongs to. */
export function toFilterCursor(cursor: string, filter: object): string {
  return `${markOf(filter)}.${cursor}`;
}

/** @throws {QueueError} `INVALID_OPTIONS` for a cursor of another filter. */
export function fromFilterCursor(what: string, cursor: string, filter: object): string {
  const mark = markOf(filter);
  if (cursor.startsWith(`${mark}.`)) return cursor.slice(mark.length + 1);
  throw new QueueError(
    "INVALID_OPTIONS",
    `${what}: the cursor belongs to another filter. Pass the same filter as with the call that returned it, ` +
      "or begin without a cursor.",
  );
}

function markOf(filter: object): string {
  return hashText(JSON.stringify(filter));
}
