import { createQueue, type Engine, type EngineFromEnvOptions, engineFromEnv, isQueueError } from "@org/queue";
import { postgresOutbox } from "@org/queue/postgres";
import { cleanInboxDaily } from "./db/clean-inbox.ts";
import type { OpenedDatabase } from "./db/open.ts";
import type { WorkoutQueue } from "./queue-integration.ts";
import { registry } from "./registry.ts";
import { SetupError } from "./setup-error.ts";

/**
 * Opens the engine: Redis if the environment names one, otherwise the embedded engine, whose jobs only this process can
 * run. Opened before the database, because it determines which database is possible.
 */
export function openEngine(options: EngineFromEnvOptions = {}): Engine {
  try {
    return engineFromEnv(options);
  } catch (error) {
    if (isQueueError(error, "INVALID_OPTIONS")) throw new SetupError(error.message, { cause: error });
    throw error;
  }
}

/** Rejects with a `SetupError` if the engine can't store jobs. */
export async function checkEngine(engine: Engine): Promise<void> {
  const { ok, problem } = await engine.core.health();
  if (!ok) throw new SetupError(`The engine can't store jobs: ${problem}`);
}

/**
 * The app's queue. Sends with a database transaction are stored by it, and workers move them to the engine once it is
 * committed. Close the queue before the engine and the database.
 */
export function openQueue(
  engine: Engine,
  { db, listener }: Pick<OpenedDatabase, "db" | "listener">,
): WorkoutQueue {
  const outbox = postgresOutbox({ db, listener });
  return createQueue({ registry, engine, outbox, middleware: [cleanInboxDaily(db)] });
}
