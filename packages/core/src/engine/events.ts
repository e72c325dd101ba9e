import type { JobState } from "./state-machine.ts";

/** Watches what happens to jobs. */
export interface EngineEvents {
  /**
   * Calls `onEvent` for every transition from now on. Answers once the subscription is in force. The first error
   * of a listener, thrown or rejected, is logged; all are otherwise ignored.
   */
  subscribe(subscriber: EventSubscriber): Promise<Unsubscribe>;
}

export type Unsubscribe = () => Promise<void>;

/** One thing that happened to one job. */
export interface EngineEvent {
  /** The job's new state, or `"progress"` when its progress changed. */
  readonly type: JobState | "progress";
  readonly id: string;
  readonly queue: string;
  readonly messageType: string;
  readonly epoch: number;
  readonly at: number;
  /**
   * How the job ended, as JSON text, where the engine tells: retention may have removed the job by the time
   * a listener looks it up.
   */
  readonly ending?: { readonly result?: string; readonly error?: string };
}

/** Who subscribes to an engine's events. */
export interface EventSubscriber {
  /** Called for every event, in their order. */
  readonly onEvent: (event: EngineEvent) => void;
  /** The subscription was lost and is in force again: events in between were missed. */
  readonly onGap?: () => void;
}
