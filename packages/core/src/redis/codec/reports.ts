import { HISTOGRAM_BOUNDS, type MetricsBucket, type QueueCounts } from "../../engine/queues.ts";

const COUNT_FIELDS = 10;

/** Decodes the reply of `lua/counts.lua`. */
export function parseCounts(reply: readonly (string | number)[]): readonly QueueCounts[] {
  const counts: QueueCounts[] = [];
  for (let index = 0; index < reply.length; index += COUNT_FIELDS) {
    const [queue, paused, ...numbers] = reply.slice(index, index + COUNT_FIELDS);
    const [blocked, scheduled, queued, active, completed, failed, cancelled, waiting] = numbers.map(
      Number,
    ) as [number, number, number, number, number, number, number, number];
    const states = { blocked, scheduled, queued, active, completed, failed, cancelled };
    counts.push({
      queue: String(queue),
      paused: paused === 1,
      states,
      ...(waiting >= 0 && { oldestWaiting: waiting }),
    });
  }
  return counts;
}

/** Decodes the reply of `lua/metrics.lua`. A field is a message, which is empty for the rest, and a count's name. */
export function parseMetrics(reply: readonly unknown[]): readonly MetricsBucket[] {
  const buckets: MetricsBucket[] = [];
  for (let index = 0; index < reply.length; index += 3) {
    const [queue, minute, flat] = reply.slice(index, index + 3) as [string, number, readonly string[]];
    const messages = new Map<string, Map<string, number>>();
    for (let at = 0; at < flat.length; at += 2) {
      const [message = "", name = ""] = flat[at]!.split(" ");
      const fields = messages.get(message) ?? new Map<string, number>();
      messages.set(message, fields.set(name, Number(flat[at + 1])));
    }
    for (const message of [...messages.keys()].sort()) {
      buckets.push(bucketOf(queue, minute, message, messages.get(message)!));
    }
  }
  return buckets;
}

function bucketOf(
  queue: string,
  minute: number,
  message: string,
  fields: ReadonlyMap<string, number>,
): MetricsBucket {
  const count = (field: string) => fields.get(field) ?? 0;
  const histogram = (kind: "w" | "r") =>
    Array.from({ length: HISTOGRAM_BOUNDS.length + 1 }, (_, slot) => count(`${kind}${slot}`));
  return {
    queue,
    ...(message !== "" && { message }),
    minute,
    sent: count("sent"),
    completed: count("completed"),
    failed: count("failed"),
    cancelled: count("cancelled"),
    retried: count("retried"),
    stalled: count("stalled"),
    waiting: histogram("w"),
    running: histogram("r"),
  };
}
