/**
 * The durations that cases use. On a real server, cases wait for them, so they are short, but long enough that a case
 * reaches its next step in time.
 */

/** A lease that doesn't expire during a case. */
export const LEASE = 30_000;

/** A lease that expires during a case. */
export const SHORT_LEASE = 250;

/** A delay, a retry pause, a window or an age that a case waits for. */
export const SOON = 250;

/** A delay that ends after the case. */
export const LATER = 3_600_000;

/** Added by `elapse`, so that a duration has certainly passed. */
export const MARGIN = 50;

/** The shortest lease that a worker accepts. It sends heartbeats every third of it. */
export const WORKER_LEASE = 1_000;
