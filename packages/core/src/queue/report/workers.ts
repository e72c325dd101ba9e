import type { HandledMessage } from "../../engine/core.ts";
import type { EngineWorkers, WorkerInfo } from "../../engine/workers.ts";

/** A worker that is alive, as of its last beat. */
export interface WorkerSnapshot {
  /** Unique among all workers, and new with each start. */
  readonly id: string;
  /** The worker's option `name`. */
  readonly name: string;
  readonly host: string;
  /** The id of its process. */
  readonly process: number;
  /** The version of the library that it runs on. */
  readonly version: string;
  /** The queues that it serves. */
  readonly queues: readonly string[];
  /** The messages that it handles, each up to this version of its contract. */
  readonly handles: readonly HandledMessage[];
  readonly concurrency: number;
  readonly startedAt: Date;
  /** Of the last beat. A worker beats at least every ten seconds, and every two while it has jobs. */
  readonly seenAt: Date;
  /** Whether it claims nothing more: it is going to be stopped, or waits for that after `quiet()`. */
  readonly quiet: boolean;
  /** How many handlers run. */
  readonly running: number;
  /** The jobs of the running handlers, the longest running first. A hundred at most. */
  readonly attempts: readonly WorkerAttempt[];
}

export interface WorkerAttempt {
  /** The job's id. */
  readonly id: string;
  readonly since: Date;
}

/** The workers that are alive, the longest running first. */
export async function readWorkers(workers: EngineWorkers): Promise<readonly WorkerSnapshot[]> {
  const infos = await workers.list();
  return infos
    .toSorted((a, b) => a.startedAt - b.startedAt || (a.name < b.name ? -1 : 1))
    .map(toWorkerSnapshot);
}

function toWorkerSnapshot({ startedAt, seenAt, attempts, ...info }: WorkerInfo): WorkerSnapshot {
  return {
    ...info,
    startedAt: new Date(startedAt),
    seenAt: new Date(seenAt),
    attempts: attempts.map(({ id, since }) => ({ id, since: new Date(since) })),
  };
}
