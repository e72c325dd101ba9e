import type { LevelLogger, LogLevel } from "./config.ts";

/** What a worker process does, after flags, environment and config. Durations are in milliseconds. */
export interface WorkerSettings {
  readonly stopTimeout: number;
  readonly processes: number;
  /** Instead of each worker's own; `undefined`: their own. */
  readonly concurrency: number | undefined;
  readonly logs: LogSettings;
  /** `undefined`: none. */
  readonly endpoints: EndpointAddress | undefined;
  readonly watchdogs: WatchdogSettings;
  readonly restarts: RestartSettings;
}

export interface RestartSettings {
  readonly pause: number;
  readonly giveUpAfter: number;
}

export interface EndpointAddress {
  /** 0 picks a free one. */
  readonly port: number;
  readonly host: string;
}

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: "json" | "pretty";
  readonly logger: LevelLogger | undefined;
  readonly intoJobs: boolean;
}

export interface WatchdogSettings {
  readonly slowFactor: number;
  readonly blockedFor: number;
  readonly killBlockedAfter: number;
  /** In bytes; `undefined`: no bound. */
  readonly maxMemory: number | undefined;
}
