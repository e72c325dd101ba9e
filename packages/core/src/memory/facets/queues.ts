import type { EngineQueues, MetricsBucket, QueueCounts } from "../../engine/queues.ts";
import type { MemoryStore } from "../memory-store.ts";

/** The facet `queues` of the memory engine. */
export class MemoryQueues implements EngineQueues {
  readonly #store: MemoryStore;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async counts(): Promise<readonly QueueCounts[]> {
    this.#store.assertOpen();
    const now = this.#store.clock.now();
    return [...this.#store.table.queues.values()].map((queue) => queue.toCounts(now));
  }

  async metrics({ since }: { readonly since: number }): Promise<readonly MetricsBucket[]> {
    this.#store.assertOpen();
    return this.#store.metrics.since(since);
  }

  async pause(queue: string): Promise<void> {
    this.#store.assertOpen();
    this.#store.table.queue(queue).paused = true;
  }

  async resume(queue: string): Promise<void> {
    this.#store.assertOpen();
    this.#store.table.queue(queue).paused = false;
    this.#store.work.wakeQueue(queue);
  }

  async forget(queue: string): Promise<boolean> {
    this.#store.assertOpen();
    const { table, metrics } = this.#store;
    const state = table.queues.get(queue);
    if (state?.hasJobs) return false;
    table.queues.delete(queue);
    metrics.forget(queue);
    return true;
  }
}
