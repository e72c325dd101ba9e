/** Controls, and marks that reorder text: a terminal obeys them, and so would a reader of the JSON. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
/** JSON escapes the other controls itself. The line break at its end stays. */
const UNSAFE_IN_JSON = /(?!\n)[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\u001b": "\\e" };

/** A text as one line that a terminal shows and doesn't obey. */
export function oneLine(text: string): string {
  return text.replace(UNSAFE, (char) => NAMED[char] ?? escapeUnit(char)).toWellFormed();
}

/** A text whose line breaks are kept, such as a stack. */
export function manyLines(text: string): readonly string[] {
  return text.split(/\r?\n/).map((line) => oneLine(line.replaceAll("\t", "    ")));
}

/** JSON with the same value, and nothing in it that a terminal obeys. */
export function printableJson(json: string): string {
  return json.replace(UNSAFE_IN_JSON, escapeUnit);
}

/** Shortens to `length` UTF-16 units, with "…" at its end. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}

function escapeUnit(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
