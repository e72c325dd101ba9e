import type { JobState } from "./state-machine.ts";

/** One thing that happened to one job. */
export interface EngineEvent {
  /** The job's new state, or `"progress"` when its progress changed. */
  readonly type: JobState | "progress";
  readonly id: string;
  readonly queue: string;
  readonly messageType: string;
  readonly epoch: number;
  readonly at: number;
}
