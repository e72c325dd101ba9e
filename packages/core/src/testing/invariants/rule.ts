import type { HistoryEntry } from "./history.ts";
import type { HistoryFacts } from "./job-facts.ts";

/** One invariant. */
export interface Rule {
  /** The invariant as a sentence. */
  readonly name: string;
  /** Checks an entry, given the facts of all earlier entries. */
  check(entry: HistoryEntry, facts: HistoryFacts, report: Report): void;
}

/** Reports a violation. */
export type Report = (what: string) => void;
