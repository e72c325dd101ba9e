import { QueueError } from "../errors/queue-error.ts";

/**
 * The sequence in the cursor of a list: its page begins before it.
 *
 * @throws {QueueError} `INVALID_OPTIONS` for any other text.
 */
export function readListCursor(cursor: string): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw notACursor(cursor);
}

export function notACursor(cursor: string): QueueError {
  return new QueueError("INVALID_OPTIONS", `${JSON.stringify(cursor)} isn't a cursor of this engine.`);
}
