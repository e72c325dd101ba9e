/**
 * The life of a job, as data. Engines follow this table, the invariant checker asserts it, and
 * `docs/state-machine.md` is generated from it.
 */

export const JOB_STATES = [
  "blocked",
  "scheduled",
  "queued",
  "active",
  "completed",
  "failed",
  "cancelled",
] as const;

export type JobState = (typeof JOB_STATES)[number];

export const TERMINAL_STATES = ["completed", "failed", "cancelled"] as const;

export type TerminalState = (typeof TERMINAL_STATES)[number];

/** What each state means, in a sentence. */
export const STATE_MEANINGS: Readonly<Record<JobState, string>> = {
  blocked: "Waits for a dependency, or for its turn in its ordering key.",
  scheduled: "Waits for a time: a delay, or the pause before a retry.",
  queued: "Ready: the next free worker takes it.",
  active: "Claimed by a worker under a lease.",
  completed: "Ended well; its result is kept as long as its message's retention says.",
  failed: "Ended after its last attempt, or by an error that no retry can mend.",
  cancelled: "Ended by an operator, by the app, or because a dependency did not succeed.",
};

export interface Transition {
  /** `null`: the job is created. */
  readonly from: JobState | null;
  readonly to: JobState;
  readonly on: string;
}

export const TRANSITIONS: readonly Transition[] = [
  { from: null, to: "queued", on: "sent, nothing to wait for" },
  { from: null, to: "scheduled", on: "sent with a delay" },
  { from: null, to: "blocked", on: "sent, with a dependency or its ordering key still pending" },
  { from: null, to: "cancelled", on: "sent after a dependency that had already failed, policy `cancel`" },
  { from: "blocked", to: "queued", on: "the last dependency and the ordering key let it go" },
  { from: "blocked", to: "active", on: "its turn came, and the claim of the one ahead had reserved it" },
  { from: "blocked", to: "scheduled", on: "let go before its delay has passed" },
  { from: "blocked", to: "cancelled", on: "cancelled, or a dependency failed with policy `cancel`" },
  { from: "scheduled", to: "queued", on: "due, or promoted" },
  { from: "scheduled", to: "cancelled", on: "cancelled" },
  { from: "queued", to: "active", on: "claimed: a new epoch" },
  { from: "queued", to: "cancelled", on: "cancelled" },
  { from: "active", to: "completed", on: "the handler returned" },
  {
    from: "active",
    to: "scheduled",
    on: "the attempt failed and another is left, or it was released with a delay",
  },
  { from: "active", to: "queued", on: "released, retried at once, or its lease expired" },
  { from: "active", to: "failed", on: "the last attempt failed, or the lease expired too often" },
  { from: "active", to: "cancelled", on: "cancelled, and the handler stopped" },
  { from: "failed", to: "queued", on: "an operator retried it" },
  {
    from: "failed",
    to: "blocked",
    on: "an operator retried it while a dependency or its ordering key is pending",
  },
  { from: "cancelled", to: "queued", on: "an operator retried it" },
  {
    from: "cancelled",
    to: "blocked",
    on: "an operator retried it while a dependency or its ordering key is pending",
  },
];

const allowed = new Set(TRANSITIONS.map(({ from, to }) => `${from}>${to}`));

/** Whether a job may go from one state to another. `from` is `null` for a new job. */
export function canTransition(from: JobState | null, to: JobState): boolean {
  return allowed.has(`${from}>${to}`);
}

export function isTerminal(state: JobState): state is TerminalState {
  return state === "completed" || state === "failed" || state === "cancelled";
}
