import type { JobState } from "./state-machine.ts";

/** Which jobs: those of which each condition that is given holds. Of a list, one entry has to hold. */
export interface JobFilter {
  readonly queues?: readonly string[];
  readonly states?: readonly JobState[];
  /** Names of messages, in any version. */
  readonly messages?: readonly string[];
  readonly userId?: string;
  readonly orderingKey?: string;
  /** Fingerprint of a failure group: all stored jobs that have had such a failure. */
  readonly failureGroup?: string;
  /** Only jobs that the engine stored at this instant or later. */
  readonly sentFrom?: number;
  /** Only jobs that the engine stored before this instant. */
  readonly sentTo?: number;
  /** Only jobs that have ended, at this instant or later. */
  readonly finishedFrom?: number;
  /** Only jobs that have ended, before this instant. */
  readonly finishedTo?: number;
  readonly search?: JobSearch;
}

/** Only jobs of a message, in any version, of which each of these searchable fields has this value. */
export interface JobSearch {
  readonly message: string;
  /** Texts as `NewJob.search` has them, at least one. */
  readonly values: Readonly<Record<string, string>>;
}
