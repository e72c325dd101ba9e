import { parseDuration } from "@org/queue";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";

/** A whole number of a flag. `undefined` if it isn't given. */
export function wholeNumber(
  name: string,
  text: string | undefined,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw refused(name, text, `a whole number from ${min.toLocaleString("en")} to ${max.toLocaleString("en")}`);
}

/** Milliseconds of a flag. `undefined` if it isn't given. */
export function milliseconds(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text === "0" ? 0 : parseDuration(text);
  if (value !== undefined) return value;
  throw refused(name, text, "a duration such as 500ms, 30s, 15m, 2h or 7d, at most 3650d");
}

/** One of several words. `undefined` if it isn't given. */
export function choice<const Word extends string>(
  name: string,
  text: string | undefined,
  words: readonly Word[],
): Word | undefined {
  if (text === undefined) return undefined;
  const word = words.find((each) => each === text);
  if (word !== undefined) return word;
  throw refused(name, text, `one of ${words.join(", ")}`);
}

function refused(name: string, text: string, expected: string): CommandError {
  return new CommandError(`--${name} is ${JSON.stringify(text)}: expected ${expected}.`, EXIT_CODES.USAGE);
}
