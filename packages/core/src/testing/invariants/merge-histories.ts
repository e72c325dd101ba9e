import type { HistoryEntry } from "./history.ts";

/** Rules need to see requests before their results. */
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
 * Merges the histories of several processes. How their steps interleaved is unknown, so requests come first and
 * snapshots last. In between, each process keeps its order.
 */
export function mergeHistories(parts: readonly (readonly HistoryEntry[])[]): readonly HistoryEntry[] {
  return parts.flat().toSorted((a, b) => RANK[a.type] - RANK[b.type]);
}
