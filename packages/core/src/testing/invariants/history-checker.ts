import type { HistoryEntry } from "./history.ts";
import { HistoryFacts } from "./job-facts.ts";
import type { Rule } from "./rule.ts";
import { cancellationsHaveACause } from "./rules/cancellations.ts";
import { claimsFollowOrder } from "./rules/claim-order.ts";
import { countsMatch } from "./rules/counts.ts";
import { dependentsWait } from "./rules/dependencies.ts";
import { endsOnce } from "./rules/endings.ts";
import { epochsGrow } from "./rules/epochs.ts";
import { everythingEnds, nothingWaitsForItself } from "./rules/liveness.ts";
import { keysKeepOrder } from "./rules/ordering-keys.ts";
import { recordsAreConsistent } from "./rules/records.ts";
import { runsAreInOrder } from "./rules/runs.ts";
import { nothingIsInvented, nothingIsLost } from "./rules/storage.ts";
import { transitionsAreAllowed } from "./rules/transitions.ts";

/** The invariants of every engine. */
export const RULES: readonly Rule[] = [
  nothingIsLost,
  nothingIsInvented,
  endsOnce,
  epochsGrow,
  transitionsAreAllowed,
  dependentsWait,
  keysKeepOrder,
  runsAreInOrder,
  claimsFollowOrder,
  cancellationsHaveACause,
  recordsAreConsistent,
  countsMatch,
  nothingWaitsForItself,
  everythingEnds,
];

/** A broken invariant. */
export interface Violation {
  readonly rule: string;
  readonly what: string;
  /** Index of the entry that revealed it. */
  readonly at: number;
}

/**
 * Checks a history, entry by entry, against the invariants.
 *
 * @example
 * const checker = new HistoryChecker();
 * for (const entry of history) checker.observe(entry);
 * assert.deepEqual(checker.violations, []);
 */
export class HistoryChecker {
  readonly facts = new HistoryFacts();
  readonly #rules: readonly Rule[];
  readonly #violations: Violation[] = [];
  #seen = 0;

  constructor(rules: readonly Rule[] = RULES) {
    this.#rules = rules;
  }

  get violations(): readonly Violation[] {
    return this.#violations;
  }

  observe(entry: HistoryEntry): void {
    const at = this.#seen++;
    for (const rule of this.#rules) {
      rule.check(entry, this.facts, (what) => this.#violations.push({ rule: rule.name, what, at }));
    }
    this.facts.apply(entry);
  }

  /** @throws {Error} with a list of the violations, if there are any. */
  assertNoViolations(): void {
    if (this.#violations.length === 0) return;
    const list = this.#violations
      .slice(0, 10)
      .map(({ rule, what, at }) => `\n  - ${rule}: ${what} (entry ${at})`);
    throw new Error(`${this.#violations.length} broken invariant(s):${list.join("")}`);
  }
}
