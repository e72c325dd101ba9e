import { createQueue, type Engine, type EngineFromEnvOptions, engineFromEnv, isQueueError } from "@org/queue";
import { postgresOutbox } from "@org/queue/postgres";
import { cleanInboxDaily } from "./db/clean-inbox.ts";
import type { OpenedDatabase } from "./db/open.ts";
import type { WorkoutQueue } from "./queue-integration.ts";
import { registry } from "./registry.ts";
import { SetupError } from "./setup-error.ts";

/**
 * Where jobs are stored: Redis where the environment names one, else this process, whose jobs nobody else can run.
 * Opened before the database, as it says which database will do.
 */
export function openEngine(options: EngineFromEnvOptions = {}): Engine {
  try {
    return engineFromEnv(options);
  } catch (error) {
    if (isQueueError(error, "INVALID_OPTIONS")) throw new SetupError(error.message, { cause: error });
    throw error;
  }
}

/** Rejects with a `SetupError` when no jobs can be stored as things are. */
export async function checkEngine(engine: Engine): Promise<void> {
  const { ok, problem } = await engine.core.health();
  if (!ok) throw new SetupError(`No jobs can be stored: ${problem}`);
}

/**
 * The queue of the app. What is sent with a transaction of the database is stored by it, and moved to the engine by
 * the workers once it is committed. Close it before the engine and the database.
 */
export function openQueue(
  engine: Engine,
  { db, listener }: Pick<OpenedDatabase, "db" | "listener">,
): WorkoutQueue {
  const outbox = postgresOutbox({ db, listener });
  return createQueue({ registry, engine, outbox, middleware: [cleanInboxDaily(db)] });
}
