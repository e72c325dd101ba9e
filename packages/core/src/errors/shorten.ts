const encoder = new TextEncoder();
/** Bytes of "…". */
const MARK_BYTES = 3;

/**
 * Shortens a text to `length` UTF-16 units, with "…" at its end. Never cuts a surrogate pair, and makes the text
 * well-formed Unicode, since engines parse it.
 */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text.toWellFormed();
  let end = Math.max(0, length - 1);
  if (isPairAt(text, end - 1)) end--;
  return `${text.slice(0, end).toWellFormed()}…`;
}

/** Like `shorten`, to at most `bytes` of UTF-8. */
export function shortenToBytes(text: string, bytes: number): string {
  // A unit takes three bytes at most.
  if (text.length * 3 <= bytes) return text.toWellFormed();
  const { read } = encoder.encodeInto(text, new Uint8Array(bytes));
  if (read === text.length) return text.toWellFormed();
  if (bytes < MARK_BYTES) return "";
  const kept = encoder.encodeInto(text, new Uint8Array(bytes - MARK_BYTES));
  return `${text.slice(0, kept.read).toWellFormed()}…`;
}

function isPairAt(text: string, index: number): boolean {
  const code = text.codePointAt(index);
  return code !== undefined && code > 0xffff;
}
