import type { JobKey } from "./job.ts";
import type { JobState } from "./state-machine.ts";

/** Watches what happens to jobs. */
export interface EngineEvents {
  /**
   * Calls `onEvent` for every event from now on that the filter selects. Answers once the subscription is in force. The
   * first error of a listener, thrown or rejected, is logged; all are otherwise ignored.
   *
   * Subscribers pay for what they ask for: an event that nobody selects isn't created.
   */
  subscribe(subscriber: EventSubscriber): Promise<Unsubscribe>;
}

export type Unsubscribe = () => Promise<void>;

/** What happened to a job: its new state, or `"progress"` when its progress changed. */
export type EventType = JobState | "progress";

/** One thing that happened to one job. */
export interface EngineEvent {
  readonly type: EventType;
  readonly id: string;
  readonly queue: string;
  readonly messageType: string;
  readonly epoch: number;
  readonly at: number;
  /** With `detail`, of the type `"progress"`: the progress, as JSON text. */
  readonly progress?: string;
  /**
   * With `detail`, once the job ended: how, as JSON text. Retention may have removed the job by the time a listener
   * looks it up.
   */
  readonly ending?: { readonly result?: string; readonly error?: string };
}

/** `"requeued"`: a job that has been claimed, or was retried, is queued, scheduled or blocked again. */
export type EventSelector = EventType | "requeued";

/** Selects events. All conditions that are given must hold, and a list without entries selects nothing. */
export interface EventFilter {
  /** @default every type */
  readonly types?: readonly EventSelector[];
  /** @default every queue */
  readonly queues?: readonly string[];
  /** Names of messages. @default every message */
  readonly messages?: readonly string[];
  /** Known or not. @default every job */
  readonly jobs?: readonly JobKey[];
  /** Whether events have `progress` and `ending`. @default false */
  readonly detail?: boolean;
}

/** Who subscribes to an engine's events. */
export interface EventSubscriber extends EventFilter {
  /** Called for every event that the filter selects, in their order. */
  readonly onEvent: (event: EngineEvent) => void;
  /** Events may have been missed: the subscription was lost and is in force again. */
  readonly onGap?: () => void;
}
