import type { WorkerBeat, WorkerInfo, WorkerRecord } from "../../engine/workers.ts";
import type { WorkerDraft } from "./command.ts";
import { messageName, queueName } from "./drafted-job.ts";
import { engineText } from "./hostile-input.ts";

export function workerId(index: number): string {
  return `worker-${index}`;
}

/** The worker that a draft describes. */
export function toWorkerRecord({ worker, handles, uptime }: WorkerDraft): WorkerRecord {
  return {
    id: workerId(worker),
    name: engineText(worker),
    host: engineText(worker + 1),
    process: worker,
    version: "1.0.0",
    queues: [queueName(worker % 2)],
    handles: handles.map((index) => ({ message: messageName(index), version: 1 })),
    concurrency: worker + 1,
    uptime,
  };
}

export function toWorkerBeat(worker: number, running: number): WorkerBeat {
  const attempts = Array.from({ length: running }, (_, index) => ({ id: `run-${index}`, duration: index }));
  return { id: workerId(worker), running, attempts, quiet: running % 2 === 1 };
}

/** What engines agree on of workers, in one order. */
export function comparableWorkers(workers: readonly WorkerInfo[]): readonly unknown[] {
  return workers
    .map(({ startedAt: _, seenAt, attempts, ...worker }) => ({
      ...worker,
      attempts: attempts.map(({ id, since }) => ({ id, duration: seenAt - since })),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
