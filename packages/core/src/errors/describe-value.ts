import { shorten } from "./shorten.ts";

const MAX_LENGTH = 60;

/**
 * Describes a value for an error message. Primitives are shown, shortened; of objects only the kind, since their
 * members may be secret, endless, or throw when read. A URL isn't shown: it may contain a password. Never throws.
 */
export function describeValue(value: unknown): string {
  if (typeof value === "string") {
    return value.includes("://") ? "a URL" : JSON.stringify(shorten(value, MAX_LENGTH));
  }
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null
    ? describeObject(value)
    : shorten(String(value), MAX_LENGTH);
}

/** Like `describeValue`, without text: where no text is expected, any may be a password. */
export function describeWithoutText(value: unknown): string {
  return typeof value === "string" ? "a string" : describeValue(value);
}

function describeObject(value: object): string {
  try {
    if (Array.isArray(value)) return "an array";
    if (value instanceof Promise) return "a promise";
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "an invalid date" : "a date";
  } catch {
    // A proxy.
  }
  return "an object";
}
