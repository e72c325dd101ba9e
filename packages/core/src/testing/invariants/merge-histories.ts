import type { HistoryEntry } from "./history.ts";

/** What a rule may have to know before it sees what came of it. */
const RANK: Readonly<Record<HistoryEntry["type"], number>> = {
  sending: 0,
  operating: 0,
  sent: 1,
  claimed: 2,
  settled: 2,
  operated: 2,
  event: 2,
  snapshot: 3,
};

/**
 * One history out of what several processes wrote. Nobody knows how their steps interleaved, so intentions
 * come first and snapshots last; each process's own order is kept in between.
 */
export function mergeHistories(parts: readonly (readonly HistoryEntry[])[]): readonly HistoryEntry[] {
  return parts.flat().toSorted((a, b) => RANK[a.type] - RANK[b.type]);
}
