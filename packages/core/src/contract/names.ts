/** Messages, queues, namespaces. */
export const NAME_PATTERN = /^[A-Za-z0-9_.-]{1,64}$/;

/** Job ids, generated or the caller's own. */
export const ID_PATTERN = /^[A-Za-z0-9_.:-]{1,128}$/;

/** Ordering and dedupe keys: any text, but not without end. */
export const MAX_KEY_LENGTH = 256;
