import { METRICS_MINUTES } from "../../engine/engine-limits.ts";
import type { EngineQueues, MetricsBucket, QueueCounts } from "../../engine/queues.ts";
import { parseCounts, parseMetrics } from "../codec/reports.ts";
import type { RedisStore } from "../redis-store.ts";
import { scripts } from "../scripts.ts";

/** The facet `queues` of the redis engine. */
export class RedisQueues implements EngineQueues {
  readonly #store: RedisStore;

  constructor(store: RedisStore) {
    this.#store = store;
  }

  async counts(): Promise<readonly QueueCounts[]> {
    const counts = new Map<string, QueueCounts>();
    let cursor = "0";
    do {
      const reply = await this.#store.run(scripts.counts, [cursor]);
      const [next, flat] = reply as readonly [string, readonly (string | number)[]];
      for (const each of parseCounts(flat)) counts.set(each.queue, each);
      cursor = next;
    } while (cursor !== "0");
    return [...counts.values()];
  }

  async metrics({ since }: { readonly since: number }): Promise<readonly MetricsBucket[]> {
    const buckets: MetricsBucket[] = [];
    let first = Math.max(0, Math.floor(since));
    do {
      const reply = await this.#store.run(scripts.metrics, [first, METRICS_MINUTES]);
      const [next, flat] = reply as readonly [number, readonly unknown[]];
      buckets.push(...parseMetrics(flat));
      first = next;
    } while (first > 0);
    return buckets;
  }

  async pause(queue: string): Promise<void> {
    await this.#store.run(scripts.pause, [queue]);
  }

  async resume(queue: string): Promise<void> {
    await this.#store.run(scripts.resume, [queue]);
  }

  async forget(queue: string): Promise<boolean> {
    return (await this.#store.run(scripts.forget, [queue])) === 1;
  }
}
