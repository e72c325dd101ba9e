import { fitsBytes } from "./limits.ts";
import type { Message } from "./message.ts";
import { isWellFormed } from "./names.ts";

/** Longer values aren't indexed. In bytes of UTF-8. */
const MAX_SEARCHABLE_BYTES = 64;

/**
 * The texts that a job can be found by, keyed by their `searchable` paths: strings as they are, numbers and booleans as
 * JSON. `wireData` is the data as JSON has it. Values that are absent, too long or not well-formed are left out.
 */
export function searchableValues(message: Message, wireData: unknown): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const path of message.searchable) {
    const text = textOf(valueAt(wireData, path));
    if (text !== undefined && fitsBytes(text, MAX_SEARCHABLE_BYTES) && isWellFormed(text)) texts[path] = text;
  }
  return texts;
}

function valueAt(data: unknown, path: string): unknown {
  let value = data;
  for (const segment of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Record<string, unknown>)[segment];
  }
  return value;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || Number.isFinite(value)) return JSON.stringify(value);
  // A date of z.coerce.date() becomes text in JSON only.
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toJSON() : undefined;
}
