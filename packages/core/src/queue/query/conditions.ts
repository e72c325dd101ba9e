import { JobQueryError } from "./query-error.ts";

/** One `name:value,value` of a query. */
export interface Condition {
  readonly name: string;
  readonly position: number;
  readonly values: readonly ConditionValue[];
}

export interface ConditionValue {
  readonly text: string;
  readonly position: number;
}

interface Piece extends ConditionValue {
  readonly end: number;
}

/** Characters of a query. Filters of that size are a mistake. */
const MAX_LENGTH = 20_000;
const SPACE = /\s/;
const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/**
 * Splits a query into its conditions.
 *
 * @param explainWord says what to write instead of a word without a qualifier.
 * @throws {JobQueryError}
 */
export function readConditions(text: string, explainWord: (word: string) => string): readonly Condition[] {
  if (text.length > MAX_LENGTH)
    throw new JobQueryError(MAX_LENGTH, `it is longer than ${MAX_LENGTH} characters.`);
  const conditions: Condition[] = [];
  let at = 0;
  while (at < text.length) {
    if (SPACE.test(text[at]!)) {
      at++;
      continue;
    }
    const name = readPiece(text, at, /[^\s:"]/);
    if (text[name.end] !== ":") throw new JobQueryError(at, explainWord(name.text));
    const { values, end } = readValues(text, name);
    conditions.push({ name: name.text, position: at, values });
    at = end;
  }
  return conditions;
}

function readValues(
  text: string,
  name: Piece,
): { readonly values: readonly ConditionValue[]; readonly end: number } {
  const values: ConditionValue[] = [];
  let at = name.end;
  do {
    const value = readPiece(text, at + 1, /[^\s,"]/);
    if (value.end === at + 1) {
      const hint = text[at] === ":" ? `${name.text}: has no value.` : "a value is missing after the comma.";
      throw new JobQueryError(at, `${hint} In a shell, put quotes around a condition with < or >.`);
    }
    values.push({ text: value.text, position: value.position });
    at = value.end;
  } while (text[at] === ",");
  const next = text[at];
  if (next !== undefined && !SPACE.test(next)) {
    throw new JobQueryError(
      at,
      `quotes go around a whole value: ${name.text}:"…". Inside of them, write \\" for one.`,
    );
  }
  return { values, end: at };
}

/** Quoted text, or all characters that match. */
function readPiece(text: string, position: number, bare: RegExp): Piece {
  if (text[position] === '"') return readQuoted(text, position);
  let end = position;
  while (end < text.length && bare.test(text[end]!)) end++;
  return { text: text.slice(position, end), position, end };
}

function readQuoted(text: string, position: number): Piece {
  let end = position + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  if (end >= text.length) throw new JobQueryError(position, "the quote isn't closed.");
  const value = text
    .slice(position + 1, end)
    .replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, unit: string | undefined, character: string) =>
      unit === undefined ? (ESCAPES[character] ?? character) : String.fromCharCode(Number.parseInt(unit, 16)),
    );
  return { text: value, position, end: end + 1 };
}

/** A value as `readConditions` reads it back. */
export function quoteValue(text: string): string {
  return /^[^\s",]+$/.test(text) ? text : JSON.stringify(text);
}

/** A name as `readConditions` reads it back. */
export function quoteName(text: string): string {
  return /^[^\s":]+$/.test(text) ? text : JSON.stringify(text);
}
