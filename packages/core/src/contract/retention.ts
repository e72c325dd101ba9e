/**
 * How long finished jobs stay readable. Whichever bound is reached first trims, but never a job that an
 * unfinished one depends on.
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
