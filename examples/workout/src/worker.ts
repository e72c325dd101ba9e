import { createWorker, type Worker, type WorkerOptions } from "@org/queue";
import type { Database } from "./db/open.ts";
import { createHandlers } from "./handlers/all-handlers.ts";
import type { Mailer } from "./mail/mailer.ts";
import type { WorkoutQueue } from "./queue-integration.ts";
import type { WorkoutMessage } from "./registry.ts";

export interface WorkoutWorkerOptions extends WorkerOptions {
  readonly db: Database;
  readonly mailer: Mailer;
}

/** A worker for all messages of the planner. Start it, and stop it before you close the queue. */
export function createWorkoutWorker(
  queue: WorkoutQueue,
  { db, mailer, ...options }: WorkoutWorkerOptions,
): Worker<WorkoutMessage, WorkoutMessage["name"]> {
  return createWorker(queue, options).handleAll(createHandlers({ db, mailer }));
}
