/** Messages, queues, namespaces. */
export const NAME_PATTERN = /^[A-Za-z0-9_.-]{1,64}$/;

/** Job ids, generated or the caller's own. */
export const ID_PATTERN = /^[A-Za-z0-9_.:-]{1,128}$/;

/** Of ordering and dedupe keys, which may be any text. */
export const MAX_KEY_LENGTH = 256;

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Servers and other languages reject text with half a surrogate pair. */
export function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

export const NOT_WELL_FORMED = "expected well-formed Unicode, without half a surrogate pair";
