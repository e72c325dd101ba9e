import type { JobRecord } from "@org/queue/engine";
import type { HistoryEntry } from "@org/queue/testing";

/**
 * Gives all tries of a send the timestamp of the stored one. Every try has its own timestamp, any of them may be the
 * one that was stored, and the checker only knows the last.
 */
export function unifyTimestamps(
  part: readonly HistoryEntry[],
  stored: readonly JobRecord[],
): readonly HistoryEntry[] {
  const tried = new Map<string, Set<string>>();
  for (const entry of part) {
    if (entry.type !== "sending") continue;
    for (const { envelope } of entry.jobs) {
      const timestamps = tried.get(envelope.id);
      if (timestamps) timestamps.add(envelope.timestamp);
      else tried.set(envelope.id, new Set([envelope.timestamp]));
    }
  }
  const kept = new Map(stored.map(({ id, envelope }) => [id, envelope.timestamp]));
  return part.map((entry) => {
    if (entry.type !== "sending") return entry;
    const jobs = entry.jobs.map((job) => {
      const { id } = job.envelope;
      const timestamp = kept.get(id);
      if (timestamp === undefined || !tried.get(id)!.has(timestamp)) return job;
      return { ...job, envelope: { ...job.envelope, timestamp } };
    });
    return { ...entry, jobs };
  });
}
