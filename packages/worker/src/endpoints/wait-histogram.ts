import type { QueueMetrics, Registry } from "@org/queue";
import type { Metric, Registry as PromRegistry } from "prom-client";
import { BUCKETS, type MetricNames } from "./metric-names.ts";

const NAME = "queue_wait_seconds";

interface Series {
  readonly labels: { readonly queue: string; readonly message: string };
  /** One count per bound of `BUCKETS`, then the overflow. */
  readonly counts: number[];
}

/**
 * How long jobs waited, from the engine's own counts by minute: only it knows since when a job that was delayed, retried or
 * dependent could run. It begins at zero with the first read, so that it grows like a counter of this process.
 */
export class WaitHistogram {
  readonly #names: MetricNames;
  readonly #series = new Map<string, Series>();
  /** What was last read of the minutes that may still change. */
  #lastRead: ReadonlyMap<string, readonly number[]> | undefined;
  #since = new Date(Date.now() - 60_000);

  constructor({ messages }: Pick<Registry, "messages">, names: MetricNames, prom: PromRegistry) {
    this.#names = names;
    for (const { queue, name } of messages) this.#seriesOf(queue, name);
    const metric = { name: NAME, get: async () => this.#toMetric() };
    // Prometheus's client has no class for a histogram that is counted elsewhere.
    prom.registerMetric(metric as unknown as Metric);
  }

  /** From when to read the next minutes. */
  get since(): Date {
    return this.#since;
  }

  add(minutes: readonly QueueMetrics[]): void {
    const read = new Map<string, readonly number[]>();
    for (const { queue, message, minute, waiting } of minutes) {
      const key = JSON.stringify([queue, message, minute.getTime()]);
      read.set(key, waiting);
      const { counts } = this.#seriesOf(queue, message);
      if (!this.#lastRead) continue;
      const before = this.#lastRead.get(key);
      waiting.forEach((count, index) => {
        counts[index]! += Math.max(0, count - (before?.[index] ?? 0));
      });
    }
    this.#lastRead = read;
    const newest = minutes.at(-1)?.minute;
    // By the engine's clock; what was claimed in its newest minute may still grow.
    if (newest && newest > this.#since) this.#since = newest;
  }

  #seriesOf(queue: string, message: string | undefined): Series {
    const labels = { queue: this.#names.queue(queue), message: this.#names.message(message ?? "") };
    const key = JSON.stringify(labels);
    const known = this.#series.get(key) ?? { labels, counts: new Array(BUCKETS.length + 1).fill(0) };
    this.#series.set(key, known);
    return known;
  }

  #toMetric() {
    return {
      name: NAME,
      help:
        "From when a job could run to when a worker claimed it, of all workers of the queue: the same in each process. " +
        "The sum is estimated from the buckets.",
      type: "histogram",
      aggregator: "max",
      values: [...this.#series.values()].flatMap(toValues),
    };
  }
}

function toValues({ labels, counts }: Series) {
  let total = 0;
  let sum = 0;
  const buckets = counts.map((count, index) => {
    const above = BUCKETS[index - 1] ?? 0;
    const bound = BUCKETS[index];
    total += count;
    sum += count * ((above + (bound ?? above)) / 2);
    return {
      metricName: `${NAME}_bucket`,
      labels: { ...labels, le: bound === undefined ? "+Inf" : bound },
      value: total,
    };
  });
  return [
    ...buckets,
    { metricName: `${NAME}_sum`, labels, value: sum },
    { metricName: `${NAME}_count`, labels, value: total },
  ];
}
