import { METRICS_MINUTES } from "../engine/engine-limits.ts";
import { HISTOGRAM_BOUNDS, type MetricsBucket } from "../engine/queues.ts";

type Counter = "sent" | "completed" | "failed" | "cancelled" | "retried" | "stalled";
type Timing = "waiting" | "running";
type Bucket = { -readonly [K in keyof MetricsBucket]: MetricsBucket[K] } & Record<Timing, number[]>;

const MINUTE = 60_000;

/** Per queue and minute: how many jobs did what, and how long they waited and ran. */
export class Metrics {
  readonly #buckets = new Map<string, Bucket[]>();

  count(queue: string, counter: Counter, now: number): void {
    this.#bucket(queue, now)[counter]++;
  }

  time(queue: string, timing: Timing, duration: number, now: number): void {
    this.#bucket(queue, now)[timing][histogramIndex(duration)]!++;
  }

  since(instant: number): readonly MetricsBucket[] {
    return [...this.#buckets.values()]
      .flat()
      .filter(({ minute }) => minute >= instant - MINUTE)
      .map((bucket) => ({ ...bucket, waiting: [...bucket.waiting], running: [...bucket.running] }))
      .sort((a, b) => a.minute - b.minute || (a.queue < b.queue ? -1 : 1));
  }

  #bucket(queue: string, now: number): Bucket {
    let buckets = this.#buckets.get(queue);
    if (!buckets) {
      buckets = [];
      this.#buckets.set(queue, buckets);
    }
    const last = buckets.at(-1);
    const minute = now - (now % MINUTE);
    if (last && last.minute >= minute) return last;
    const bucket = emptyBucket(queue, minute);
    buckets.push(bucket);
    if (buckets.length > METRICS_MINUTES) buckets.shift();
    return bucket;
  }
}

/** The histogram slot of a duration: the first bound that it doesn't exceed, else the overflow. */
function histogramIndex(duration: number): number {
  let index = 0;
  while (index < HISTOGRAM_BOUNDS.length && duration > HISTOGRAM_BOUNDS[index]!) index++;
  return index;
}

function emptyBucket(queue: string, minute: number): Bucket {
  const histogram = () => new Array<number>(HISTOGRAM_BOUNDS.length + 1).fill(0);
  return {
    queue,
    minute,
    sent: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
    retried: 0,
    stalled: 0,
    waiting: histogram(),
    running: histogram(),
  };
}
