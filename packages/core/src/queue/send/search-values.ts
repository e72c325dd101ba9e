import { fitsBytes } from "../../contract/limits.ts";
import type { Message } from "../../contract/message.ts";
import { isWellFormed } from "../../contract/names.ts";
import { createCodec, type Schema } from "../../contract/schema.ts";
import { schemasAtPath } from "../../contract/schema-paths.ts";
import { isZod } from "../../contract/zod-nodes.ts";

/** Longer values aren't indexed. In bytes of UTF-8. */
export const MAX_SEARCHABLE_BYTES = 64;

/** A value to search for, as the app has it. */
export type SearchValue = string | number | boolean | bigint | Date;

/**
 * The texts that a job can be found by, keyed by the `searchable` paths of its message; `undefined` if it declares none.
 * `json`: the job's data. A value that is absent, too long or not well-formed is `null`.
 */
export function searchableValues(
  message: Message,
  json: string,
): Readonly<Record<string, string | null>> | undefined {
  if (message.searchable.length === 0) return undefined;
  const data: unknown = json === "" ? undefined : JSON.parse(json);
  return Object.fromEntries(
    message.searchable.map((path) => {
      const text = textOf(valueAt(data, path));
      return [path, text !== undefined && isIndexed(text) ? text : null];
    }),
  );
}

/** The text by which a value at a searchable path is found; `undefined` for what no index has. */
export async function searchText(
  message: Message,
  path: string,
  value: SearchValue,
): Promise<string | undefined> {
  const text = jsonText(await encodeAtPath(message, path, value));
  return text !== undefined && isIndexed(text) ? text : undefined;
}

/** As the schema writes it when the message is sent. What it doesn't accept may be in the form that travels already. */
async function encodeAtPath({ data }: Message, path: string, value: SearchValue): Promise<unknown> {
  for (const schema of isZod(data) ? schemasAtPath(data, path) : []) {
    const encoded = await createCodec(schema as Schema & typeof schema).encode(value);
    if (encoded.ok && jsonText(encoded.value) !== undefined) return encoded.value;
  }
  return value;
}

/** Of a value that JSON changes: dates as JSON writes them, and bigints as their codecs usually do. */
function jsonText(value: unknown): string | undefined {
  if (typeof value === "bigint") return String(value);
  if (!(value instanceof Date)) return textOf(value);
  return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
}

function isIndexed(text: string): boolean {
  return fitsBytes(text, MAX_SEARCHABLE_BYTES) && isWellFormed(text);
}

function valueAt(data: unknown, path: string): unknown {
  let value = data;
  for (const segment of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Record<string, unknown>)[segment];
  }
  return value;
}

/** Strings as they are, numbers and booleans as JSON. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "boolean" || Number.isFinite(value) ? JSON.stringify(value) : undefined;
}
