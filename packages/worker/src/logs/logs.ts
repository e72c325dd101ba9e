import type { Logger, Middleware } from "@org/queue";
import type { LevelLogger } from "../config/config.ts";

/** Where a worker process logs to. */
export interface WorkerLogs {
  /** For the process itself, and the base of what handlers log through. */
  readonly logger: LevelLogger;
  /** For the workers of core, which log their own failures. */
  readonly coreLogger: Logger;
  /** Logs the start and the end of each attempt, and gives handlers their job's context. */
  readonly middleware: Middleware;
  /** Resolves once everything that was logged is written. */
  flush(): Promise<void>;
}
