import type { Message } from "../../contract/message.ts";
import { REDACTED } from "../../contract/redaction.ts";

/** Shorter values are masked where they are a word of their own. */
const MIN_ANYWHERE = 4;
/** Characters by which a longer value is found, also where a text has only its beginning. */
const MAX_NEEDLE = 12;
/** Languages that write words without spaces have no boundaries. */
const HAS_BOUNDARIES = /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{N}\p{P}\p{S}\s]+$/u;
/** How schemas name members. Other names are those of records. */
const FIELD_NAME = /^[a-z][A-Za-z0-9_]*$/;
/** Values that are looked for. */
const MAX_VALUES = 1_000;

/**
 * Masks the values in a text that a job's data has at the message's sensitive paths, upper or lower case. All of the
 * text if the data can't be read, and each value of the data if it is of an older version, whose paths may differ.
 */
export function maskSensitive(text: string, message: Message, version: number, json: string): string {
  const paths = message.sensitive.data;
  if (paths.length === 0) return text;
  const values = new Set<string>();
  try {
    const data: unknown = JSON.parse(json);
    if (version !== message.version) collect(data, [], values);
    else for (const path of paths) collect(data, path === "" ? [] : path.split("."), values);
  } catch {
    // No JSON, or nested too deep.
    return REDACTED;
  }
  const longestFirst = [...values].sort((a, b) => b.length - a.length);
  return longestFirst.reduce(maskValue, text);
}

/** Longer ids are found by their form. */
const MAX_ID = 24;
const LETTER_AND_DIGIT = /(?=.*\p{L})(?=.*\d)/u;

/**
 * Replaces short ids in a text by `<id>`: values of the job's data with letters and digits that are words of the text.
 * So errors about different jobs become alike, although `f9` looks like `utf8`.
 */
export function replaceIds(text: string, json: string): string {
  const values = new Set<string>();
  try {
    collect(JSON.parse(json), [], values);
  } catch {
    return text;
  }
  const ids = [...values].filter((value) => value.length <= MAX_ID && LETTER_AND_DIGIT.test(value));
  if (ids.length === 0) return text;
  const patterns = ids.sort((a, b) => b.length - a.length).map(escapePattern);
  return text.replaceAll(
    new RegExp(`(?<![\\p{L}\\p{N}])(?:${patterns.join("|")})(?![\\p{L}\\p{N}])`, "gu"),
    "<id>",
  );
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** The scalars below a path. A member that a path leads into but has another form counts as a whole. */
function collect(value: unknown, path: readonly string[], into: Set<string>): void {
  if (into.size >= MAX_VALUES) return;
  if (typeof value === "string" || typeof value === "number") {
    if (String(value).trim() !== "") into.add(String(value).trim());
    return;
  }
  if (typeof value !== "object" || value === null) return;
  const [segment, ...rest] = path;
  const isRecord = !Array.isArray(value);
  for (const [name, member] of Object.entries(value)) {
    if (segment !== undefined && segment !== "*" && segment !== name) continue;
    // The keys of a record are values, too.
    if (isRecord && (segment === "*" || (segment === undefined && !FIELD_NAME.test(name)))) into.add(name);
    collect(member, rest, into);
  }
}

function maskValue(text: string, value: string): string {
  const characters = Array.from(value.slice(0, 2 * MAX_NEEDLE)).slice(0, MAX_NEEDLE);
  const needle = escapePattern(characters.join(""));
  const isWord = value.length < MIN_ANYWHERE && HAS_BOUNDARIES.test(value);
  const pattern = isWord ? `(?<![\\p{L}\\p{N}])${needle}(?![\\p{L}\\p{N}])` : needle;
  let masked = "";
  let end = 0;
  for (const { index } of text.matchAll(new RegExp(pattern, "giu"))) {
    if (index < end) continue;
    masked += text.slice(end, index) + REDACTED;
    end = index + commonLength(text, index, value);
  }
  return masked + text.slice(end);
}

/** How many characters of a value a text has at a place. */
function commonLength(text: string, at: number, value: string): number {
  let length = 0;
  while (length < value.length && text[at + length]?.toLowerCase() === value[length]!.toLowerCase()) length++;
  return length;
}
