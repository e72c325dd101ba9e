import type { EngineWorkers, WaitingMessage, WorkerInfo, WorkerRecord } from "../../engine/workers.ts";
import { parseWaiting, parseWorkers, workerRecordText } from "../codec/worker-record.ts";
import type { RedisStore } from "../redis-store.ts";
import { scripts } from "../scripts.ts";

/** Queues that one call looks at. */
const MAX_QUEUES = 100;

/** The facet `workers` of the redis engine. */
export class RedisWorkers implements EngineWorkers {
  readonly #store: RedisStore;

  constructor(store: RedisStore) {
    this.#store = store;
  }

  async register(worker: WorkerRecord): Promise<void> {
    const args = [worker.id, Math.round(worker.uptime), workerRecordText(worker)];
    await this.#store.run(scripts.registerWorker, args);
  }

  async unregister(id: string): Promise<void> {
    await this.#store.run(scripts.unregisterWorker, [id]);
  }

  async list(): Promise<readonly WorkerInfo[]> {
    return parseWorkers((await this.#store.run(scripts.workers, [])) as readonly (string | null)[]);
  }

  async waiting(queues: readonly string[]): Promise<readonly WaitingMessage[]> {
    const waiting: WaitingMessage[] = [];
    for (let start = 0; start < queues.length; start += MAX_QUEUES) {
      const reply = await this.#store.run(scripts.waiting, queues.slice(start, start + MAX_QUEUES));
      waiting.push(...parseWaiting(reply as readonly (string | number)[]));
    }
    return waiting;
  }
}
