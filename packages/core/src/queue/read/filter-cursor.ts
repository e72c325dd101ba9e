import type { JobFilter } from "../../engine/job-filter.ts";
import { QueueError } from "../../errors/queue-error.ts";

/** An engine's cursor, marked with the filter that it belongs to. */
export function toFilterCursor(cursor: string, filter: JobFilter): string {
  return `${markOf(filter)}.${cursor}`;
}

/** @throws {QueueError} `INVALID_OPTIONS` for a cursor of another filter. */
export function fromFilterCursor(what: string, cursor: string, filter: JobFilter): string {
  const mark = markOf(filter);
  if (cursor.startsWith(`${mark}.`)) return cursor.slice(mark.length + 1);
  throw new QueueError(
    "INVALID_OPTIONS",
    `${what}: the cursor belongs to another filter. Pass the same filter as with the call that returned it, ` +
      "or begin without a cursor.",
  );
}

/** FNV-1a over the filter's JSON: 32 bits tell mistakes, which is all they have to. */
function markOf(filter: JobFilter): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(JSON.stringify(filter))) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash.toString(36);
}
