/**
 * What may change how a terminal shows the text around it: controls (ANSI escapes begin with one), line and paragraph
 * separators, and invisible format characters such as bidi marks; not the joiners of scripts and emoji.
 */
const HARMFUL = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Text of users in one line, with visible escapes for what could harm a terminal. */
export function oneLine(text: string): string {
  return text.toWellFormed().replace(HARMFUL, (character) => NAMED[character] ?? escapeOf(character));
}

/** As `oneLine`, of texts with lines, such as stacks. Tabs become spaces. */
export function safeLines(text: string): readonly string[] {
  return text.split(/\r\n|\n/).map((line) => oneLine(line.replaceAll("\t", "  ")));
}

/** JSON that is also harmless in a terminal: escapes change no value. */
export function jsonText(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent) ?? "null";
  return json.replace(HARMFUL, (character) => (character === "\n" ? character : escapeOf(character)));
}

function escapeOf(character: string): string {
  return [...Array(character.length).keys()]
    .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
    .join("");
}

const ASCII = /^[ -~]*$/;
const ZERO_WIDTH = /^[\p{M}\p{Cf}]+$/u;
const WIDE =
  /^(?:\p{Emoji_Presentation}|\p{Emoji}\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}])/u;
const segmenter = new Intl.Segmenter();

/** Columns of a terminal that a text takes. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += widthOfSegment(segment);
  return width;
}

function widthOfSegment(segment: string): number {
  if (ZERO_WIDTH.test(segment)) return 0;
  return WIDE.test(segment) ? 2 : 1;
}

/** Text of at most `width` columns, with "…" at its end if it was cut. */
export function cutEnd(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return width < 1 ? "" : `${beginning(text, width - 1)}…`;
}

/** Text of at most `width` columns, with "…" in its middle if it was cut: ids and paths differ at their ends. */
export function cutMiddle(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width < 3) return cutEnd(text, width);
  const head = beginning(text, Math.ceil((width - 1) / 2));
  const reversed = [...segmenter.segment(text)].map(({ segment }) => segment).reverse();
  let tail = "";
  let left = width - 1 - widthOf(head);
  for (const segment of reversed) {
    left -= widthOfSegment(segment);
    if (left < 0) break;
    tail = segment + tail;
  }
  return `${head}…${tail}`;
}

function beginning(text: string, width: number): string {
  let kept = "";
  let left = width;
  for (const { segment } of segmenter.segment(text)) {
    left -= widthOfSegment(segment);
    if (left < 0) break;
    kept += segment;
  }
  return kept;
}

/** Breaks a text into lines of at most `width` columns, between words where it can. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && widthOf(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
