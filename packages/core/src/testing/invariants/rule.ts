import type { HistoryEntry } from "./history.ts";
import type { HistoryFacts } from "./job-facts.ts";

/** One invariant. */
export interface Rule {
  /** As a sentence. */
  readonly name: string;
  /** Looks at an entry, with the facts of all entries before it. */
  check(entry: HistoryEntry, facts: HistoryFacts, report: Report): void;
}

/** Says what broke the rule. */
export type Report = (what: string) => void;
