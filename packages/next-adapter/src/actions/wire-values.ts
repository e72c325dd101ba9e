/** Deeper values are left as they are: the queue refuses them. */
const MAX_DEPTH = 64;

/**
 * A value as it travels in JSON: dates and bigints, for which contracts have codecs of text, become texts. A server action
 * gets them as they are.
 */
export function toWireValues(value: unknown, depth = 0): unknown {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  if (typeof value === "bigint") return `${value}`;
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return value.map((item) => toWireValues(item, depth + 1));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, toWireValues(member, depth + 1)]),
  );
}
