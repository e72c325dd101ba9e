import { HISTOGRAM_BOUNDS, type MetricsBucket, type QueueCounts } from "../../engine/queues.ts";

const COUNT_FIELDS = 9;

/** Decodes the reply of `lua/counts.lua`. */
export function parseCounts(reply: readonly (string | number)[]): readonly QueueCounts[] {
  const counts: QueueCounts[] = [];
  for (let index = 0; index < reply.length; index += COUNT_FIELDS) {
    const [queue, paused, ...numbers] = reply.slice(index, index + COUNT_FIELDS);
    const [blocked, scheduled, queued, active, completed, failed, cancelled] = numbers.map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const states = { blocked, scheduled, queued, active, completed, failed, cancelled };
    counts.push({ queue: String(queue), paused: paused === 1, states });
  }
  return counts;
}

/** Decodes the reply of `lua/metrics.lua`. */
export function parseMetrics(reply: readonly unknown[]): readonly MetricsBucket[] {
  const buckets: MetricsBucket[] = [];
  for (let index = 0; index < reply.length; index += 3) {
    const [queue, minute, flat] = reply.slice(index, index + 3) as [string, number, readonly string[]];
    const fields = new Map<string, number>();
    for (let at = 0; at < flat.length; at += 2) fields.set(flat[at]!, Number(flat[at + 1]));
    const count = (field: string) => fields.get(field) ?? 0;
    const histogram = (kind: "w" | "r") =>
      Array.from({ length: HISTOGRAM_BOUNDS.length + 1 }, (_, slot) => count(`${kind}${slot}`));
    buckets.push({
      queue,
      minute,
      sent: count("sent"),
      completed: count("completed"),
      failed: count("failed"),
      cancelled: count("cancelled"),
      retried: count("retried"),
      stalled: count("stalled"),
      waiting: histogram("w"),
      running: histogram("r"),
    });
  }
  return buckets;
}
