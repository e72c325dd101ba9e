import { createQueue, type EngineFromEnvOptions, engineFromEnv, isQueueError } from "@org/queue";
import type { WorkoutQueue } from "./queue-integration.ts";
import { registry } from "./registry.ts";
import { SetupError } from "./setup-error.ts";

export interface OpenedQueue {
  readonly queue: WorkoutQueue;
  /** `"memory"`: jobs live in this process and only it can run them. `"redis"`: processes share them. */
  readonly engine: string;
  /** Rejects with a `SetupError` when no jobs can be stored as things are. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** The queue of the app, on Redis where the environment names one, else inside this process. */
export function openQueue(options: EngineFromEnvOptions = {}): OpenedQueue {
  const engine = chooseEngine(options);
  const queue = createQueue({ registry, engine });
  return {
    queue,
    engine: engine.name,
    async check() {
      const { ok, problem } = await engine.health();
      if (!ok) throw new SetupError(`No jobs can be stored: ${problem}`);
    },
    async close() {
      await queue.close();
      await engine.close();
    },
  };
}

function chooseEngine(options: EngineFromEnvOptions) {
  try {
    return engineFromEnv(options);
  } catch (error) {
    if (isQueueError(error, "INVALID_OPTIONS")) throw new SetupError(error.message, { cause: error });
    throw error;
  }
}
