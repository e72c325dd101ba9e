import { type Duration, parseDuration } from "@org/queue";

/** What a setting may be: in the config as a value, in flags and the environment as text. */
export interface Kind<T> {
  /** Follows "expected". */
  readonly expected: string;
  /** What to add about a value that is refused and likely meant something else. */
  hint?(value: unknown): string | undefined;
  /** `undefined`: refused. */
  fromValue(value: unknown): T | undefined;
  fromText(text: string): T | undefined;
}

export function wholeNumber(min: number, max: number, unit = ""): Kind<number> {
  const fromValue = (value: unknown) =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? (value as number)
      : undefined;
  const range = `from ${min.toLocaleString("en")} to ${max.toLocaleString("en")}`;
  return {
    expected: `a whole number ${unit && `of ${unit} `}${range}`,
    fromValue,
    fromText: (text) => (/^\d+$/.test(text) ? fromValue(Number(text)) : undefined),
  };
}

export function decimalNumber(min: number, max: number): Kind<number> {
  const fromValue = (value: unknown) =>
    typeof value === "number" && value >= min && value <= max ? value : undefined;
  return {
    expected: `a number from ${min.toLocaleString("en")} to ${max.toLocaleString("en")}`,
    fromValue,
    fromText: (text) => (/^\d+(\.\d+)?$/.test(text) ? fromValue(Number(text)) : undefined),
  };
}

/** Below it a bare number almost surely counts seconds: `stopTimeout: 5`. */
const MIN_BARE_NUMBER = 100;

const isLikelySeconds = (value: unknown): value is number =>
  typeof value === "number" && value > 0 && value < MIN_BARE_NUMBER;

/**
 * Milliseconds, from a text with a unit or a number of them, which is 0 or at least `MIN_BARE_NUMBER`. In flags and the
 * environment the unit is required.
 */
export function durationBetween(min: Duration, max: Duration): Kind<number> {
  const [least, most] = [parseDuration(min)!, parseDuration(max)!];
  const read = (value: unknown) => {
    if (isLikelySeconds(value)) return undefined;
    const milliseconds = parseDuration(value);
    return milliseconds !== undefined && milliseconds >= least && milliseconds <= most
      ? milliseconds
      : undefined;
  };
  return {
    expected: `a duration like "500ms", "8s" or "2m", from "${min}" to "${max}"`,
    hint: (value) =>
      isLikelySeconds(value) ? `a number is milliseconds, write "${value}s" for seconds` : undefined,
    fromValue: read,
    fromText: read,
  };
}

export function oneOf<const T extends string>(choices: readonly T[]): Kind<T> {
  const find = (value: unknown) => choices.find((choice) => choice === value);
  const quoted = choices.map((choice) => `"${choice}"`);
  return {
    expected: `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`,
    fromValue: find,
    fromText: find,
  };
}

/** Without a scheme, a port or spaces. */
export const hostName: Kind<string> = {
  expected: 'a host name or an address to listen on, like "127.0.0.1"',
  fromValue: (value) => (typeof value === "string" ? hostName.fromText(value) : undefined),
  fromText: (text) => (/^[A-Za-z0-9_.-]{1,253}$|^[0-9A-Fa-f:.%]{2,64}$/.test(text) ? text : undefined),
};

/** For a message: short, and without what may be a password. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") {
    if (value.includes("://")) return "a URL";
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  }
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return "an array";
  return value instanceof Promise ? "a promise" : "an object";
}
