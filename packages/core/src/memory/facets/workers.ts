import type { EngineWorkers, WaitingMessage, WorkerInfo, WorkerRecord } from "../../engine/workers.ts";
import type { MemoryStore } from "../memory-store.ts";

/** The facet `workers` of the memory engine. */
export class MemoryWorkers implements EngineWorkers {
  readonly #store: MemoryStore;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async register(worker: WorkerRecord): Promise<void> {
    this.#store.assertOpen();
    this.#store.workers.register(worker, this.#store.clock.now());
  }

  async unregister(id: string): Promise<void> {
    this.#store.assertOpen();
    this.#store.workers.unregister(id);
  }

  async list(): Promise<readonly WorkerInfo[]> {
    this.#store.assertOpen();
    return this.#store.workers.alive(this.#store.clock.now());
  }

  async waiting(queues: readonly string[]): Promise<readonly WaitingMessage[]> {
    this.#store.assertOpen();
    const now = this.#store.clock.now();
    return queues.flatMap((name) => {
      const queue = this.#store.table.queues.get(name);
      if (!queue || queue.paused) return [];
      return [...queue.ready.firsts()].map(({ spec: { envelope }, queuedAt, createdAt }) => ({
        queue: name,
        message: envelope.messageType,
        version: envelope.version,
        waited: now - (queuedAt ?? createdAt),
      }));
    });
  }
}
