import type { DependencyFailurePolicy } from "../../engine/job.ts";
import type { TerminalState } from "../../engine/state-machine.ts";

/**
 * A job or a lease: by how recent it is (`0` is the newest, modulo how many there are), or outright, as
 * `"j4"` and `"j4@2"` (epoch 2). Random commands don't know what there will be, so they use the first form;
 * a failing sequence is put into the second, in which it means the same with some of its commands taken out.
 */
export type Reference = number | string;

/** Something to do to an engine, as plain JSON: the same list of commands means the same on every engine. */
export type Command =
  | { readonly do: "send"; readonly batches: readonly (readonly JobDraft[])[] }
  | { readonly do: "claim"; readonly claim: ClaimDraft }
  | { readonly do: "settle"; readonly outcomes: readonly OutcomeDraft[]; readonly claim: ClaimDraft | null }
  | { readonly do: "extend"; readonly leases: readonly LeaseDraft[]; readonly lease: number }
  | { readonly do: "release"; readonly releases: readonly ReleaseDraft[] }
  | { readonly do: "recover" }
  | { readonly do: "cancel" | "retry" | "remove" | "promote"; readonly jobs: readonly Reference[] }
  | { readonly do: "pause" | "resume"; readonly queue: number }
  | {
      readonly do: "clean";
      readonly state: TerminalState;
      readonly queue: number | null;
      readonly olderThan: number;
      readonly limit: number;
    }
  | { readonly do: "elapse"; readonly milliseconds: number };

export interface JobDraft {
  /** Its id; else the next new one. */
  readonly id?: string;
  /** Sends the job again that was sent before, if there is one. */
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
}

export interface DependencyDraft {
  /** An earlier job, one of the same batch by its index (modulo its length), or one that never was. */
  readonly on: "earlier" | "batch" | "nowhere";
  readonly index: Reference;
  readonly onFailure: DependencyFailurePolicy;
}

export interface ClaimDraft {
  readonly queues: readonly number[];
  readonly limit: number;
  readonly lease: number;
  readonly run: number;
}

/** `skew` makes the epoch another one, `isForeign` the claim. */
export interface LeaseDraft {
  readonly lease: Reference;
  readonly skew: number;
  readonly isForeign?: boolean;
  readonly progress?: number;
}

export interface OutcomeDraft extends LeaseDraft {
  readonly type: "complete" | "retry" | "fail" | "cancel";
  readonly delay: number;
}

export interface ReleaseDraft extends LeaseDraft {
  readonly delay: number;
  readonly bounce: boolean;
}
