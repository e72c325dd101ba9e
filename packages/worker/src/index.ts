export {
  type DatabaseDefinition,
  defineConfig,
  type EndpointOptions,
  type LevelLogger,
  type LogLevel,
  type LogOptions,
  type Opened,
  type PartialHandlers,
  type QueueConfig,
  type RestartOptions,
  type WatchdogOptions,
  type WorkerDefinition,
} from "./config/config.ts";
export { CommandError, EXIT_CODES, type ExitCode } from "./exit-codes.ts";
export { type RunWorkerOptions, runWorker } from "./host/run-worker.ts";
export { type JobLogger, type LogLine, log } from "./logs/handler-log.ts";
export { currentJob } from "./logs/job-context.ts";
