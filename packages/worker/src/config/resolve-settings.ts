import { CommandError, EXIT_CODES } from "../exit-codes.ts";
import type { QueueConfig } from "./config.ts";
import type { WorkerSettings } from "./settings.ts";
import {
  decimalNumber,
  describeValue,
  durationBetween,
  hostName,
  type Kind,
  oneOf,
  wholeNumber,
} from "./values.ts";

/** Settings that flags and the environment may give. */
export interface Setting<T> extends Kind<T> {
  readonly env: string;
  /** Without its dashes. */
  readonly flag?: SettingFlag;
}

/** The flags of `queue worker` that are settings. */
export type SettingFlag =
  | "processes"
  | "concurrency"
  | "stop-timeout"
  | "log-level"
  | "log-format"
  | "port"
  | "host"
  | "max-memory";

export const SETTINGS = {
  processes: { env: "QUEUE_PROCESSES", flag: "processes", ...wholeNumber(1, 64) },
  concurrency: { env: "QUEUE_CONCURRENCY", flag: "concurrency", ...wholeNumber(1, 10_000) },
  stopTimeout: { env: "QUEUE_STOP_TIMEOUT", flag: "stop-timeout", ...durationBetween("0s", "1d") },
  logLevel: {
    env: "QUEUE_LOG_LEVEL",
    flag: "log-level",
    ...oneOf(["debug", "info", "warn", "error", "silent"]),
  },
  logFormat: { env: "QUEUE_LOG_FORMAT", flag: "log-format", ...oneOf(["json", "pretty"]) },
  port: { env: "QUEUE_ENDPOINTS_PORT", flag: "port", ...wholeNumber(0, 65_535) },
  host: { env: "QUEUE_ENDPOINTS_HOST", flag: "host", ...hostName },
  maxMemory: { env: "QUEUE_MAX_MEMORY", flag: "max-memory", ...wholeNumber(32, 1_048_576, "megabytes") },
  slowFactor: { env: "QUEUE_WATCH_SLOW_FACTOR", ...decimalNumber(1, 10_000) },
  blockedFor: { env: "QUEUE_WATCH_BLOCKED_FOR", ...durationBetween("10ms", "1h") },
  killBlockedAfter: { env: "QUEUE_WATCH_KILL_BLOCKED_AFTER", ...durationBetween("1s", "1d") },
  restartPause: { env: "QUEUE_RESTART_PAUSE", ...durationBetween("0s", "30s") },
  giveUpAfter: { env: "QUEUE_RESTART_GIVE_UP_AFTER", ...wholeNumber(1, 1_000) },
} satisfies Record<string, Setting<unknown>>;

const MEGABYTE = 1_048_576;

/** Where settings come from, the strongest first. */
export interface SettingSources {
  readonly flags: Readonly<Partial<Record<SettingFlag, string | undefined>>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Checked. */
  readonly config: QueueConfig;
  /** Whether stdout is a terminal, for the format of logs. @default false */
  readonly isTerminal?: boolean;
}

/**
 * A flag wins over the environment, that over the config, and that over the default. An empty variable counts as unset.
 *
 * @throws {CommandError} that says where the invalid value is from: `EXIT_CODES.USAGE` for a flag, else `CONFIG`.
 */
export function resolveSettings({ flags, env, config, isTerminal = false }: SettingSources): WorkerSettings {
  const { logs = {}, endpoints = {}, watch = {}, restarts = {} } = config;
  function resolve<T>(setting: Setting<T>, configured: unknown): T | undefined {
    const flag = setting.flag && flags[setting.flag];
    if (flag !== undefined) return parse(setting, flag, `--${setting.flag}`, EXIT_CODES.USAGE);
    const variable = env[setting.env];
    if (variable) return parse(setting, variable, setting.env, EXIT_CODES.CONFIG);
    return configured === undefined ? undefined : setting.fromValue(configured);
  }
  const port = resolve(SETTINGS.port, endpoints.port);
  const host = resolve(SETTINGS.host, endpoints.host) ?? "0.0.0.0";
  const maxMemory = resolve(SETTINGS.maxMemory, watch.maxMemory);
  return {
    processes: resolve(SETTINGS.processes, config.processes) ?? 1,
    concurrency: resolve(SETTINGS.concurrency, undefined),
    stopTimeout: resolve(SETTINGS.stopTimeout, config.stopTimeout) ?? 8_000,
    logs: {
      level: resolve(SETTINGS.logLevel, logs.level) ?? "info",
      format: resolve(SETTINGS.logFormat, logs.format) ?? (isTerminal ? "pretty" : "json"),
      logger: logs.logger,
      intoJobs: logs.intoJobs ?? false,
    },
    endpoints: port === undefined ? undefined : { port, host },
    watchdogs: {
      slowFactor: resolve(SETTINGS.slowFactor, watch.slowFactor) ?? 10,
      blockedFor: resolve(SETTINGS.blockedFor, watch.blockedFor) ?? 1_000,
      killBlockedAfter: resolve(SETTINGS.killBlockedAfter, watch.killBlockedAfter) ?? 30_000,
      maxMemory: maxMemory === undefined ? undefined : maxMemory * MEGABYTE,
    },
    restarts: {
      pause: resolve(SETTINGS.restartPause, restarts.pause) ?? 1_000,
      giveUpAfter: resolve(SETTINGS.giveUpAfter, restarts.giveUpAfter) ?? 5,
    },
  };
}

function parse<T>(setting: Setting<T>, text: string, source: string, exitCode: 64 | 78): T {
  const value = setting.fromText(text);
  if (value !== undefined) return value;
  throw new CommandError(`${source} is ${describeValue(text)}: expected ${setting.expected}.`, exitCode);
}
