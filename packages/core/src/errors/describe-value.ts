import { shorten } from "./shorten.ts";

const MAX_LENGTH = 60;

/**
 * A value for a message about it, shortened: a primitive itself; of what holds other values the kind only, since they
 * may be secret or endless, or throw when they are read. A URL may hold a password. Never throws.
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

/** As `describeValue`, and of text that it is text: for where no text is right, and any may be a password. */
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
