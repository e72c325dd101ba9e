/** Characters of a message that distinguish it from others. */
const MAX_READ = 500;

const LETTER_OR_DIGIT = "[\\p{L}\\p{N}]";
const word = (pattern: string, flags = "giu") =>
  new RegExp(`(?<!${LETTER_OR_DIGIT})${pattern}(?!${LETTER_OR_DIGIT})`, flags);

/** What changes colours in a terminal, and characters that show nothing or change what is shown. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it begins with the escape character
const ANSI_SEQUENCE = /\u{1b}\[[\d;?]*[ -/]*[@-~]/gu;
const CONTROLS = /[\p{Cc}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}]/gu;

/** What differs from job to job, and what stands for it. In this order: an address contains numbers, a URL a path. */
const RULES: readonly (readonly [RegExp, string])[] = [
  [/[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'`<>()[\]{}]+/gi, "<url>"],
  [/[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu, "<email>"],
  // Of an engine's own texts, `(reading 'name')` quotes the app's code.
  [/(?<!\((?:reading|setting) )"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|“[^”]*”|«[^»]*»/g, "<text>"],
  [/(?<!\((?:reading|setting) )(?<![\p{L}\p{N}])'(?:[^'\\]|\\.)*'(?![\p{L}\p{N}])/gu, "<text>"],
  [
    word("\\d{4}-\\d\\d-\\d\\d(?:[T ]\\d\\d:\\d\\d(?::\\d\\d(?:\\.\\d+)?)?(?:Z|[+-]\\d\\d:?\\d\\d)?)?"),
    "<date>",
  ],
  [word("\\d{1,2}:\\d\\d(?::\\d\\d(?:\\.\\d+)?)?"), "<time>"],
  [word("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<uuid>"],
  [word("\\d{1,3}(?:\\.\\d{1,3}){3}(?::\\d+)?"), "<ip>"],
  [/(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}(?![\w:])/gi, "<ip>"],
  [/(?<![\w<])(?:[A-Za-z]:)?(?:\\[^\s\\/:"'<>|]+){2,}/g, "<path>"],
  [/(?<![\w<>/])(?:~|\.{1,2}|[\w.@-]+)?(?:\/[\w.@%+~-]+){2,}\/?/g, "<path>"],
  [word("0x[0-9a-f]+"), "<hex>"],
  [word("(?=[0-9a-f]*\\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}"), "<hex>"],
  // Ids of all kinds: ULIDs, tokens, keys.
  [/(?<![\w-])(?=[\w-]*\d[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{12,}(?![\w-])/g, "<id>"],
  // `S3` and `utf8` are words.
  [/(?:(?<![\w)])[-+])?(?:(?<![A-Za-z\d])\d|\d(?=\d\d))\d*(?:[.,]\d+)*(?:e[-+]?\d+\b)?/gi, "<number>"],
  // Lists of any length are alike.
  [/(<\w+>)(?:\s*[,;|]\s*\1)+/g, "$1, …"],
];

/**
 * An error's text in one line, with placeholders for values: numbers, ids, dates, addresses, paths and what is quoted.
 * Errors that an app throws at one place for many jobs become alike, and most values of a job's data stay out.
 */
export function normalizeText(text: string): string {
  const isCut = text.length > MAX_READ;
  let line = text
    .slice(0, MAX_READ)
    .toWellFormed()
    .replaceAll(ANSI_SEQUENCE, "")
    .replaceAll(/\s+/g, " ")
    .replaceAll(CONTROLS, "")
    .trim();
  // The end of a quoted text may be cut off.
  if (isCut)
    line = line.replace(/["'`][^"'`]*$/, (rest) => (countOf(line, rest[0]!) % 2 === 1 ? "<text>" : rest));
  for (const [pattern, placeholder] of RULES) line = line.replaceAll(pattern, placeholder);
  return line;
}

function countOf(text: string, character: string): number {
  return text.split(character).length - 1;
}
