/** Failures that are alike. The runtime makes it from a message, its code, its error's text and the app's code. */
export interface FailureGroupKey {
  /** Equal for failures that are alike, of one message. At most 100 characters of `FINGERPRINT_PATTERN`. */
  readonly fingerprint: string;
  readonly code: string;
  /**
   * The error's text without what differs from job to job: well-formed Unicode in one line, at most 200 characters.
   * Values that the message calls sensitive aren't in it.
   */
  readonly title: string;
  /** Where the app's code failed, like a stack has it but for line numbers. At most 200 characters. */
  readonly frame?: string;
}

/** What an engine counts of a group. */
export interface FailureGroupRecord extends FailureGroupKey {
  readonly messageType: string;
  /** Of the latest failure. */
  readonly queue: string;
  readonly firstAt: number;
  readonly lastAt: number;
  /** Failures that ended their job. */
  readonly failed: number;
  /** Attempts that failed and were followed by another, or will be. */
  readonly retried: number;
  /** Oldest first: those of the two days up to the latest failure that have any. */
  readonly hours: readonly FailureHourRecord[];
  /** Ids of stored jobs with such a failure: the newest ten, newest first. */
  readonly samples: readonly string[];
}

export interface FailureHourRecord {
  /** The hour's first instant. */
  readonly hour: number;
  readonly failed: number;
  readonly retried: number;
}

export interface FailureGroupsRequest {
  readonly messageType?: string;
  readonly queue?: string;
  readonly limit: number;
  /** From an earlier page. Opaque. */
  readonly cursor?: string;
}

/** The latest failure first. `cursor` is absent on the last page. */
export interface FailureGroupPage {
  readonly groups: readonly FailureGroupRecord[];
  readonly cursor?: string;
}

export type ForgetGroupOutcome = "forgotten" | "unknown";

export const FINGERPRINT_PATTERN: RegExp = /^[A-Za-z0-9_.:-]{1,100}$/;

/** Groups that an engine keeps: those that failed last. */
export const MAX_FAILURE_GROUPS = 1_000;
/** Jobs of a group above which those that are gone are looked for among all of them, not only among the oldest. */
export const MIN_SWEPT_GROUP_JOBS = 10_000;
/** Ids of jobs that a group is shown with. */
export const MAX_GROUP_SAMPLES = 10;
/** Hours of which a group has counts. */
export const MAX_GROUP_HOURS = 48;
/** Milliseconds after which a group without a failure is forgotten: two weeks. */
export const GROUP_LIFETIME = 1_209_600_000;

/**
 * Of attempts whose lease has expired, which no worker reports.
 *
 * @public The redis scripts import it.
 */
export const STALLED_TITLE = "The worker stopped renewing the lease.";

/** The group of attempts of a message that stalled. */
export function stalledGroup(messageType: string): FailureGroupKey {
  return { fingerprint: `stalled:${messageType}`, code: "STALLED", title: STALLED_TITLE };
}
