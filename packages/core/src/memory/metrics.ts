import { METRICS_MINUTES } from "../engine/engine-limits.ts";
import { HISTOGRAM_BOUNDS, type MetricsBucket } from "../engine/queues.ts";
import type { StoredJob } from "./stored-job.ts";

type Counter = "sent" | "completed" | "failed" | "cancelled" | "retried" | "stalled";
type Timing = "waiting" | "running";
type Bucket = { -readonly [K in keyof MetricsBucket]: MetricsBucket[K] } & Record<Timing, number[]>;

/** One queue in one minute: the buckets of its messages. */
interface Minute {
  readonly minute: number;
  readonly buckets: Map<string, Bucket>;
}

const MINUTE = 60_000;
/** Messages of one queue and minute that are counted apart. */
const MAX_MESSAGES = 100;

/** Per queue, message and minute: how many jobs did what, and how long they waited and ran. */
export class Metrics {
  readonly #minutes = new Map<string, Minute[]>();

  count(job: StoredJob, counter: Counter, now: number): void {
    this.#bucket(job, now)[counter]++;
  }

  time(job: StoredJob, timing: Timing, duration: number, now: number): void {
    this.#bucket(job, now)[timing][histogramIndex(duration)]!++;
  }

  forget(queue: string): void {
    this.#minutes.delete(queue);
  }

  since(instant: number): readonly MetricsBucket[] {
    return [...this.#minutes.values()]
      .flat()
      .filter(({ minute }) => minute >= instant - MINUTE)
      .flatMap(({ buckets }) => [...buckets.values()])
      .map((bucket) => ({ ...bucket, waiting: [...bucket.waiting], running: [...bucket.running] }))
      .sort(
        (a, b) =>
          a.minute - b.minute || compare(a.queue, b.queue) || compare(a.message ?? "", b.message ?? ""),
      );
  }

  #bucket({ queue: { name }, messageType }: StoredJob, now: number): Bucket {
    const { minute, buckets } = this.#minute(name, now);
    const key = buckets.size < MAX_MESSAGES || buckets.has(messageType) ? messageType : "";
    let bucket = buckets.get(key);
    if (!bucket) {
      bucket = emptyBucket(name, key, minute);
      buckets.set(key, bucket);
    }
    return bucket;
  }

  #minute(queue: string, now: number): Minute {
    let minutes = this.#minutes.get(queue);
    if (!minutes) {
      minutes = [];
      this.#minutes.set(queue, minutes);
    }
    const last = minutes.at(-1);
    const minute = now - (now % MINUTE);
    if (last && last.minute >= minute) return last;
    const next = { minute, buckets: new Map<string, Bucket>() };
    minutes.push(next);
    if (minutes.length > METRICS_MINUTES) minutes.shift();
    return next;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The histogram slot of a duration: the first bound that it doesn't exceed, else the overflow. */
function histogramIndex(duration: number): number {
  let index = 0;
  while (index < HISTOGRAM_BOUNDS.length && duration > HISTOGRAM_BOUNDS[index]!) index++;
  return index;
}

function emptyBucket(queue: string, message: string, minute: number): Bucket {
  const histogram = () => new Array<number>(HISTOGRAM_BOUNDS.length + 1).fill(0);
  return {
    queue,
    ...(message !== "" && { message }),
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
