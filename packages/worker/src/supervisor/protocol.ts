/** Messages of a worker process to its supervisor. */
export type ChildMessage =
  | { readonly type: "ready" }
  /** Sent every second by the event loop, so a blocked one sends none. */
  | { readonly type: "beat"; readonly isReady: boolean; readonly running: readonly RunningJob[] }
  /** The answer to a request: the metrics of the process, as prom-client's `getMetricsAsJSON` has them. */
  | { readonly type: "metrics"; readonly request: number; readonly metrics: unknown };

/** The one message of a supervisor to a worker process. Everything else is a signal. */
export interface MetricsRequest {
  readonly type: "metrics";
  readonly request: number;
}

export interface RunningJob {
  readonly id: string;
  readonly message: string;
}

/** How often a process sends a beat, in milliseconds. */
export const BEAT_INTERVAL = 1_000;
/** Jobs named in a beat. */
export const MAX_BEAT_JOBS = 5;

/** In the environment of a worker process: that its parent is a supervisor. */
export const SUPERVISED = "QUEUE_SUPERVISED";
