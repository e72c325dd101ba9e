export interface HealthReport {
  readonly ok: boolean;
  readonly engine: string;
  /** Milliseconds that the check's own round trip took. */
  readonly latency: number;
  /** What is wrong and what to do, when `ok` is false. */
  readonly problem?: string;
  /** What was found damaged in the engine's storage in the last hour, the newest hundred. Absent when nothing was. */
  readonly damage?: readonly Damage[];
}

/** Something in an engine's storage that others deleted or overwrote, and what became of it. */
export interface Damage {
  readonly at: number;
  /**
   * `removed`: a job that can't be read, and counts as removed. `mended`: an entry that was put right. `moved`: a
   * structure of the wrong type, moved aside.
   */
  readonly kind: "removed" | "mended" | "moved";
  /** A job's id, or a structure's name. */
  readonly subject: string;
}
