/** How the pauses between tries grow. */
export interface BackoffPolicy {
  /** Milliseconds after the first failure; each further failure doubles them. */
  readonly first: number;
  /** Milliseconds, at most. */
  readonly max: number;
  /** Share of a pause that is random, 0 to 1: clients of a restarted server then don't all come at once. @default 0 */
  readonly jitter?: number;
}

/** 0 * 2 ** 1_024 would be NaN. */
const MAX_DOUBLINGS = 1_000;

/** Milliseconds to pause after this many failures in a row, 1 or more. */
export function backoffDelay(
  { first, max, jitter = 0 }: BackoffPolicy,
  failures: number,
  random: () => number = Math.random,
): number {
  const delay = Math.min(first * 2 ** Math.min(failures - 1, MAX_DOUBLINGS), max);
  return jitter === 0 ? delay : delay * (1 - jitter * random());
}
