import { METRICS_MINUTES } from "../engine/engine-limits.ts";

/** For readers whose clock is behind. */
const SPARE_MINUTES = 60;

/**
 * Milliseconds that a minute's counts are kept, longer than they can be read.
 *
 * @public The scripts import it.
 */
export const METRICS_LIFETIME = (METRICS_MINUTES + SPARE_MINUTES) * 60_000;

/**
 * Fields of one queue in one minute: those of some eighty messages. What exceeds them is counted without its message.
 *
 * @public The scripts import it.
 */
export const MAX_METRICS_FIELDS = 1_000;
