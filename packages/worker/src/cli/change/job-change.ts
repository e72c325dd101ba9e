import type { BulkStep, JobFilterOptions, JobOutcome, JobState, Queue } from "@org/queue";

export interface ChangeOptions {
  /** Of `cancel`. */
  readonly reason?: string | undefined;
  /** Of `remove`. */
  readonly force?: boolean | undefined;
}

/** One kind of change of jobs, by their ids or by a query. */
export interface JobChange {
  readonly name: "retry" | "cancel" | "promote" | "remove";
  /** At the beginning of a sentence: what is about to be done, and what was done. */
  readonly verb: string;
  readonly participle: string;
  /** The states of jobs that it changes. */
  states(options: ChangeOptions): readonly JobState[];
  /** Which jobs it changes, as the end of a sentence. */
  readonly needs: string;
  /** Whether it also asks about jobs that are named by their ids. */
  readonly isDestructive: boolean;
  readonly many: (
    queue: Queue,
    ids: readonly string[],
    options: ChangeOptions,
  ) => Promise<readonly JobOutcome<string>[]>;
  readonly step: (
    queue: Queue,
    filter: JobFilterOptions,
    options: ChangeOptions & { readonly cursor: string | undefined },
  ) => Promise<BulkStep>;
}

const CANCEL_REASON = "Cancelled from the command line.";
const UNFINISHED = ["blocked", "scheduled", "queued"] as const;
const FINISHED = ["completed", "failed", "cancelled"] as const;

export const RETRY: JobChange = {
  name: "retry",
  verb: "Retry",
  participle: "Retried",
  states: () => ["failed", "cancelled"],
  needs: "only failed and cancelled jobs can be retried",
  isDestructive: false,
  many: (queue, ids) => queue.retryMany(ids),
  step: (queue, filter, { cursor }) => queue.retryMatching(filter, { cursor }),
};

export const CANCEL: JobChange = {
  name: "cancel",
  verb: "Cancel",
  participle: "Cancelled",
  states: () => [...UNFINISHED, "active"],
  needs: "only jobs that haven't ended can be cancelled",
  isDestructive: true,
  many: (queue, ids, { reason = CANCEL_REASON }) => queue.cancelMany(ids, { reason }),
  step: (queue, filter, { cursor, reason = CANCEL_REASON }) =>
    queue.cancelMatching(filter, { cursor, reason }),
};

export const PROMOTE: JobChange = {
  name: "promote",
  verb: "Promote",
  participle: "Promoted",
  states: () => ["scheduled"],
  needs: "only scheduled jobs can be promoted",
  isDestructive: false,
  many: (queue, ids) => queue.promoteMany(ids),
  step: (queue, filter, { cursor }) => queue.promoteMatching(filter, { cursor }),
};

export const REMOVE: JobChange = {
  name: "remove",
  verb: "Remove",
  participle: "Removed",
  states: ({ force }) => [...UNFINISHED, ...(force ? (["active"] as const) : []), ...FINISHED],
  needs: "active jobs are removed only with --force",
  isDestructive: true,
  many: (queue, ids, { force }) => queue.removeMany(ids, { force }),
  step: (queue, filter, { cursor, force }) => queue.removeMatching(filter, { cursor, force }),
};
