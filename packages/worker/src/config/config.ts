import type { Duration, Handler, Message, Queue, WorkerOptions } from "@org/queue";

/** Handlers by message name. Messages without one are left to other workers. */
export type PartialHandlers<M extends Message = Message> = {
  readonly [Name in M["name"]]?: Handler<Extract<M, { readonly name: Name }>> | undefined;
};

/** One worker of a process: what it handles, and the options of `createWorker`. */
export interface WorkerDefinition<M extends Message = Message> extends Omit<WorkerOptions, "logger"> {
  readonly handlers: PartialHandlers<M>;
}

/** What a part of the config may be instead of a value: a function that opens it, called once, when it is needed. */
export type Opened<T> = T | (() => T | Promise<T>);

/**
 * The config of worker processes and of the `queue` command. Flags win over the environment (`QUEUE_…`), and that over
 * what is here.
 */
export interface QueueConfig<M extends Message = Message> {
  /**
   * The app's queue, or a function that opens it. Every command needs it. It is closed at the end.
   *
   * @example queue: () => createQueue({ registry, engine: engineFromEnv() })
   */
  readonly queue: Opened<Queue<M>>;
  /** The handlers of one worker, or a function that opens what they need and returns them. Only worker processes call it. */
  readonly handlers?: Opened<PartialHandlers<M>> | undefined;
  /** Options of that worker. */
  readonly worker?: Omit<WorkerOptions, "logger"> | undefined;
  /** Instead of `handlers`: several workers of one process, for example one for slow messages. */
  readonly workers?: Opened<readonly WorkerDefinition<M>[]> | undefined;
  /**
   * The app's Postgres database, or a function that opens it: `queue migrate` brings the library's tables up to date, and
   * `queue doctor` looks at it. Workers don't call it. @default none
   *
   * @example database: () => ({ db, listener, statusTables: [scanStatus] })
   */
  readonly database?: Opened<DatabaseDefinition> | undefined;
  /** Called after the workers have stopped and the queue is closed: for what the handlers used. */
  readonly close?: (() => unknown) | undefined;
  /**
   * Time for running jobs to finish after SIGTERM or SIGINT. Then their signals abort, and a second later they are given
   * back, whether their handlers have stopped or not. While the engine is away the end takes up to two seconds more, so
   * leave the platform four: it kills after 10 s with `docker stop`, after 30 s on Kubernetes. As a number it counts
   * milliseconds, from 100; so do all durations here. @default "8s"
   */
  readonly stopTimeout?: Duration | undefined;
  /** Number of worker processes. Above 1, a supervisor starts, watches and replaces them. @default 1 */
  readonly processes?: number | undefined;
  readonly logs?: LogOptions | undefined;
  /** `/livez`, `/readyz` and `/metrics` on a port of their own. @default none */
  readonly endpoints?: EndpointOptions | undefined;
  readonly watch?: WatchdogOptions | undefined;
  readonly restarts?: RestartOptions | undefined;
}

/** What the app uses of `@org/queue/postgres`. */
export interface DatabaseDefinition {
  /** A database of Drizzle on Postgres, as `migrate` takes it. */
  readonly db: object;
  /** The schema of the library's tables. @default "queue" */
  readonly schema?: string | undefined;
  /** Tables whose changes you subscribe to: `migrate` gives them their triggers. @default none */
  readonly statusTables?: readonly object[] | undefined;
  /** The listener of the outbox and the status stores: `queue doctor` tries whether notifications arrive. */
  readonly listener?: object | undefined;
}

/** How a supervisor starts processes again that ended although nobody stopped them. */
export interface RestartOptions {
  /** Time before the first restart. It doubles with each end that follows soon, up to 30 s. @default "1s" */
  readonly pause?: Duration | undefined;
  /** Number of ends, each less than a minute after the process was ready, after which it gives up. @default 5 */
  readonly giveUpAfter?: number | undefined;
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface LogOptions {
  /** @default "info" */
  readonly level?: LogLevel | undefined;
  /** `json` is one object a line, `pretty` is for people. @default "pretty" on a terminal, else "json" */
  readonly format?: "json" | "pretty" | undefined;
  /** Instead of pino: any logger whose methods take fields, then a text, such as an own pino or `console`. */
  readonly logger?: LevelLogger | undefined;
  /** Also adds lines that handlers log to their job's own log. @default false */
  readonly intoJobs?: boolean | undefined;
}

/** The loggers of the field have these: an object of fields, then a text. */
export interface LevelLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface EndpointOptions {
  /** 1 to 65,535; 0 picks a free one. @default none: no endpoints */
  readonly port?: number | undefined;
  /** @default "0.0.0.0" */
  readonly host?: string | undefined;
}

/** When a worker process reports, once, what goes wrong slowly. */
export interface WatchdogOptions {
  /** An attempt that runs this many times as long as its message's usual time (the 99th percentile). @default 10 */
  readonly slowFactor?: number | undefined;
  /** An event loop that was blocked for this long. @default "1s" */
  readonly blockedFor?: Duration | undefined;
  /**
   * A process of a supervisor whose event loop is blocked for this long is killed and started again: by then its leases
   * are over, and its jobs run elsewhere. @default "30s", as the lease of workers
   */
  readonly killBlockedAfter?: Duration | undefined;
  /** Resident memory in megabytes at which the process stops gracefully, to be started again. From 32. @default none */
  readonly maxMemory?: number | undefined;
}

/**
 * Types a config, as the default export of `queue.config.ts`. It is checked when it is loaded. The default export may also
 * be a promise of a config, or a function that returns one.
 *
 * @example
 * export default defineConfig({
 *   queue: () => createQueue({ registry, engine: engineFromEnv() }),
 *   handlers: { WELCOME_EMAIL: async ({ data }) => sendWelcome(data) },
 * });
 */
export function defineConfig<M extends Message>(config: QueueConfig<M>): QueueConfig<M> {
  return config;
}
