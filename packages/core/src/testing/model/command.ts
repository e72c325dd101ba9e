import type { EventSelector } from "../../engine/events.ts";
import type { DependencyFailurePolicy } from "../../engine/job.ts";
import type { JobState } from "../../engine/state-machine.ts";

/**
 * A job or a lease, either by recency (`0` is the newest, modulo their number) or by name, as in `"j4"` and `"j4@2"`
 * (epoch 2). Random commands use recency, because they don't know which jobs will exist. A failing sequence is
 * converted to names, so that it keeps its meaning when commands are removed.
 */
export type Reference = number | string;

/** A command to an engine, as plain JSON. A list of commands has the same meaning on every engine. */
export type Command =
  | { readonly do: "send"; readonly batches: readonly (readonly JobDraft[])[] }
  | { readonly do: "claim"; readonly claim: ClaimDraft }
  | { readonly do: "settle"; readonly outcomes: readonly OutcomeDraft[]; readonly claim: ClaimDraft | null }
  | { readonly do: "extend"; readonly leases: readonly LeaseDraft[]; readonly lease: number }
  | { readonly do: "release"; readonly releases: readonly ReleaseDraft[] }
  | { readonly do: "recover"; readonly beat: BeatDraft | null }
  | { readonly do: "cancel" | "retry" | "promote"; readonly jobs: readonly Reference[] }
  /** With `force` by the recency of leases, since few jobs are held. */
  | { readonly do: "remove"; readonly jobs: readonly Reference[]; readonly force: boolean }
  | { readonly do: "pause" | "resume"; readonly queue: number }
  | {
      readonly do: "clean";
      readonly state: Exclude<JobState, "active">;
      readonly queue: number | null;
      readonly olderThan: number;
      readonly limit: number;
    }
  | { readonly do: "forget"; readonly groups: readonly number[] }
  | {
      readonly do: "matching";
      readonly operation: "cancel" | "retry" | "remove" | "promote";
      readonly filter: FilterDraft;
      readonly limit: number;
    }
  | { readonly do: "list"; readonly filter: FilterDraft; readonly limit: number }
  | { readonly do: "subscribe"; readonly filter: EventFilterDraft }
  | { readonly do: "unsubscribe"; readonly subscription: number }
  | { readonly do: "register"; readonly worker: WorkerDraft }
  | { readonly do: "unregister"; readonly worker: number }
  | { readonly do: "waiting"; readonly queues: readonly number[] }
  | { readonly do: "elapse"; readonly milliseconds: number };

export interface JobDraft {
  /** The id. @default the next new one */
  readonly id?: string;
  /** Sends an earlier job again, if there is one. */
  readonly repeat: Reference | null;
  readonly queue: number;
  readonly messageType: number;
  readonly priority: number;
  readonly delay: number;
  readonly maxStalls: number;
  readonly retain: "long" | "few" | "short" | "none";
  readonly dependsOn: readonly DependencyDraft[];
  readonly ordering: { readonly key: number; readonly onFailure: "continue" | "hold" } | null;
  readonly dedupe: { readonly key: number; readonly window: number } | null;
  /** A value of a searchable field; odd: none; `null`: the message has no such field. */
  readonly search: number | null;
}

/** Conditions by number; `null`: none. */
export interface FilterDraft {
  readonly queue: number | null;
  readonly states: readonly JobState[] | null;
  readonly messageType: number | null;
  readonly user: number | null;
  readonly ordering: number | null;
  readonly hasEnded: boolean;
  readonly search: number | null;
}

/** Conditions by number; `null`: none. */
export interface EventFilterDraft {
  readonly types: readonly EventSelector[] | null;
  readonly queues: readonly number[] | null;
  readonly messages: readonly number[] | null;
  /** Negative: one that is yet to be sent, `-1` the next. */
  readonly jobs: readonly Reference[] | null;
  readonly detail: boolean;
}

export interface WorkerDraft {
  readonly worker: number;
  /** Numbers of messages. */
  readonly handles: readonly number[];
  readonly uptime: number;
}

export interface BeatDraft {
  readonly worker: number;
  /** How many attempts run. */
  readonly running: number;
}

export interface DependencyDraft {
  /** An earlier job, a job of the same batch by index (modulo its length), or one that never existed. */
  readonly on: "earlier" | "batch" | "nowhere";
  readonly index: Reference;
  readonly onFailure: DependencyFailurePolicy;
}

export interface ClaimDraft {
  readonly queues: readonly number[];
  readonly limit: number;
  readonly lease: number;
  readonly run: number;
  /** Numbers of messages; `null`: all. */
  readonly handles: readonly number[] | null;
}

/** `skew` changes the epoch, `isForeign` the token. */
export interface LeaseDraft {
  readonly lease: Reference;
  readonly skew: number;
  readonly isForeign?: boolean;
  readonly progress?: number;
}

export interface OutcomeDraft extends LeaseDraft {
  readonly type: "complete" | "retry" | "fail" | "cancel";
  readonly delay: number;
  /** Number of a failure group; `null`: none. */
  readonly group?: number | null;
}

export interface ReleaseDraft extends LeaseDraft {
  readonly delay: number;
  readonly bounce: boolean;
}
