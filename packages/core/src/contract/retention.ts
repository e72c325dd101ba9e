/**
 * How long finished jobs stay readable. A job is trimmed at whichever bound it reaches first, but not while an
 * unfinished job depends on it.
 */
export interface Retention {
  readonly completed: RetentionBound;
  /** Failed and cancelled jobs. */
  readonly failed: RetentionBound;
}

export interface RetentionBound {
  /** Milliseconds after the end. */
  readonly age: number;
  /** Newest jobs kept per message type. `0` removes at once; the tombstone stays. */
  readonly count: number;
}
