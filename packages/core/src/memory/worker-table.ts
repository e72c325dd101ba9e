import { MAX_BEAT_ATTEMPTS, WORKER_LIFETIME } from "../engine/engine-limits.ts";
import type { WorkerBeat, WorkerInfo, WorkerRecord } from "../engine/workers.ts";

/** The registered workers. One that is no longer alive is dropped with the next beat of any. */
export class WorkerTable {
  readonly #workers = new Map<string, WorkerInfo>();

  register({ uptime, ...worker }: WorkerRecord, now: number): void {
    this.#workers.set(worker.id, {
      ...worker,
      startedAt: now - uptime,
      seenAt: now,
      running: 0,
      attempts: [],
      quiet: false,
    });
  }

  unregister(id: string): void {
    this.#workers.delete(id);
  }

  /** Answers whether the worker is registered. */
  beat({ id, running, attempts, quiet = false }: WorkerBeat, now: number): boolean {
    const worker = this.#workers.get(id);
    if (!worker || !isAlive(worker, now)) return false;
    this.#workers.set(id, {
      ...worker,
      seenAt: now,
      running,
      attempts: attempts
        .slice(0, MAX_BEAT_ATTEMPTS)
        .map(({ id: job, duration }) => ({ id: job, since: now - duration })),
      quiet,
    });
    return true;
  }

  alive(now: number): readonly WorkerInfo[] {
    return [...this.#workers.values()].filter((worker) => isAlive(worker, now));
  }

  dropDead(now: number): void {
    for (const worker of this.#workers.values()) if (!isAlive(worker, now)) this.#workers.delete(worker.id);
  }
}

function isAlive({ seenAt }: WorkerInfo, now: number): boolean {
  return now < seenAt + WORKER_LIFETIME;
}
