import { type Message, REDACTED, redact } from "@org/queue";
import { type ErrorFields, errorFields } from "./error-fields.ts";

/** Shorter values are masked only where they are a whole field: in a sentence they would mask syllables. */
const MIN_PART = 4;
/** Values of one job's data that are masked. */
const MAX_VALUES = 1_000;
/** Levels of objects in a line's fields. Deeper ones are left out. */
const MAX_DEPTH = 8;

/** The values of the sensitive fields of one job's data, masked wherever they turn up in a line. */
export class SensitiveValues {
  readonly #values = new Set<string>();
  readonly #parts: readonly string[];

  /** All of the data counts as sensitive while its message isn't known. */
  constructor(message: Message | undefined, data: unknown) {
    collect(data, redact(message, "data", data), this.#values);
    this.#parts = [...this.#values]
      .filter((value) => value.length >= MIN_PART)
      .sort((a, b) => b.length - a.length);
  }

  get isEmpty(): boolean {
    return this.#values.size === 0;
  }

  text(text: string): string {
    if (this.#values.has(text)) return REDACTED;
    return this.#parts.reduce((masked, part) => masked.replaceAll(part, REDACTED), text);
  }

  /** The fields of a line, masked. What can't be read is left out. */
  fields(fields: object): object {
    return this.isEmpty ? fields : (this.#mask(fields, new Set()) as object);
  }

  #mask(value: unknown, above: ReadonlySet<unknown>): unknown {
    if (typeof value === "string") return this.text(value);
    if (typeof value === "number" || typeof value === "bigint") {
      return this.#values.has(String(value)) ? REDACTED : value;
    }
    if (typeof value !== "object" || value === null) return value;
    if (above.has(value) || above.size >= MAX_DEPTH) return undefined;
    const inside = new Set([...above, value]);
    try {
      if (value instanceof Error) return this.#mask(errorFields(value) satisfies ErrorFields, inside);
      const json: unknown = "toJSON" in value && typeof value.toJSON === "function" ? value.toJSON() : value;
      if (json !== value) return this.#mask(json, inside);
      if (Array.isArray(value)) return value.map((item) => this.#mask(item, inside));
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#mask(item, inside)]));
    } catch {
      return undefined;
    }
  }
}

/** The texts of what `masked` hides of `value`. */
function collect(value: unknown, masked: unknown, into: Set<string>): void {
  if (into.size >= MAX_VALUES || value === masked) return;
  if (masked === REDACTED) collectAll(value, into);
  else if (typeof value === "object" && value !== null && typeof masked === "object" && masked !== null) {
    for (const [key, member] of Object.entries(value))
      collect(member, (masked as Record<string, unknown>)[key], into);
  }
}

function collectAll(value: unknown, into: Set<string>): void {
  if (into.size >= MAX_VALUES) return;
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") {
    if (value !== "") into.add(String(value));
  } else if (value instanceof Date || value instanceof URL) into.add(String(value.toJSON()));
  else if (value instanceof Map || value instanceof Set) collectAll([...value.values()], into);
  else if (typeof value === "object" && value !== null) {
    for (const member of Object.values(value)) collectAll(member, into);
  }
}
