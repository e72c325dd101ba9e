/**
 * A text of at most `length` UTF-16 units, its end replaced by "…" where it was longer. Well-formed Unicode: half a
 * surrogate pair, of the text's own, becomes U+FFFD.
 */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text.toWellFormed();
  return `${cutBefore(text, Math.max(0, length - 1))}…`;
}

/** The first `length` units, or one fewer where that would cut a surrogate pair. */
function cutBefore(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  const cutsPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, cutsPair ? length - 1 : length).toWellFormed();
}
