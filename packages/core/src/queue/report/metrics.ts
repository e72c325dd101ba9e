import type { Engine } from "../../engine/engine.ts";
import { facetOf } from "../../engine/facet.ts";
import { HISTOGRAM_BOUNDS, type MetricsBucket } from "../../engine/queues.ts";

/** What happened in one queue, or with one message of it, in one minute. */
export interface QueueMetrics extends Omit<MetricsBucket, "minute" | "message"> {
  /** With `byMessage`. Absent for messages beyond the number that the engine counts apart. */
  readonly message?: string;
  /** The minute's first instant. */
  readonly minute: Date;
}

/** Oldest first. */
export async function readMetrics(
  engine: Engine,
  { since, byMessage }: { readonly since: number; readonly byMessage: boolean },
): Promise<readonly QueueMetrics[]> {
  const buckets = await facetOf(engine, "queues").metrics({ since });
  return (byMessage ? buckets : mergeMessages(buckets)).map(({ minute, ...bucket }) => ({
    ...bucket,
    minute: new Date(minute),
  }));
}

/** One bucket per queue and minute. */
function mergeMessages(buckets: readonly MetricsBucket[]): readonly MetricsBucket[] {
  const merged = new Map<string, MetricsBucket>();
  for (const { message: _, ...bucket } of buckets) {
    const key = `${bucket.queue} ${bucket.minute}`;
    const sum = merged.get(key);
    merged.set(key, sum ? add(sum, bucket) : bucket);
  }
  return [...merged.values()];
}

function add(a: MetricsBucket, b: MetricsBucket): MetricsBucket {
  const addAll = (name: "waiting" | "running") =>
    HISTOGRAM_BOUNDS.concat(0).map((_, at) => a[name][at]! + b[name][at]!);
  return {
    queue: a.queue,
    minute: a.minute,
    sent: a.sent + b.sent,
    completed: a.completed + b.completed,
    failed: a.failed + b.failed,
    cancelled: a.cancelled + b.cancelled,
    retried: a.retried + b.retried,
    stalled: a.stalled + b.stalled,
    waiting: addAll("waiting"),
    running: addAll("running"),
  };
}
