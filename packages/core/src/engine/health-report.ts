export interface HealthReport {
  readonly ok: boolean;
  readonly engine: string;
  /** Milliseconds that the check's own round trip took. */
  readonly latency: number;
  /** What is wrong and what to do, when `ok` is false. */
  readonly problem?: string;
  /** Whether the engine's user may read only, so that it wasn't checked whether the server accepts writes. */
  readonly isReadOnly?: boolean;
  /** Name and version of the engine's server. Absent where there is none, or it doesn't tell. */
  readonly version?: string;
  /** Of the server, or of the process that the engine lives in. Absent where it can't be read. */
  readonly memory?: EngineMemory;
  /** What was found damaged in the engine's storage in the last hour, the newest hundred. Absent when nothing was. */
  readonly damage?: readonly Damage[];
}

export interface EngineMemory {
  /** Bytes. */
  readonly used: number;
  /** What it may use at most, in bytes. Absent where there is no limit of its own. */
  readonly max?: number;
  /** Whether data is deleted once the limit is reached. @default false */
  readonly evicts?: true;
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
