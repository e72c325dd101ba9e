/**
 * The durations that cases use, in one place: on a real server they are waited for. Long enough that a case
 * reaches its next step before one has passed, short enough that the suite stays quick.
 */

/** A lease that no case outlives. */
export const LEASE = 30_000;

/** A lease that a case lets expire. */
export const SHORT_LEASE = 250;

/** A delay, a pause before a retry, a window or an age that a case waits for. */
export const SOON = 250;

/** A delay that no case waits for. */
export const LATER = 3_600_000;

/** What `elapse` adds, so that a duration has passed beyond doubt. */
export const MARGIN = 50;

/** The lease of a worker: the shortest that it accepts. Heartbeats come every third of it. */
export const WORKER_LEASE = 1_000;
