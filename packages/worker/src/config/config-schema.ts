import type { Queue, WorkerOptions } from "@org/queue";
import * as z from "zod/mini";
import type {
  DatabaseDefinition,
  EndpointOptions,
  LogOptions,
  QueueConfig,
  RestartOptions,
  WatchdogOptions,
  WorkerDefinition,
} from "./config.ts";
import { SETTINGS } from "./resolve-settings.ts";
import { durationBetween, type Kind, wholeNumber } from "./values.ts";

type Shape<T> = { readonly [Key in keyof Required<T>]: z.ZodMiniType };

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

const workerShape: Shape<Omit<WorkerOptions, "logger">> = {
  name: option((value) => typeof value === "string" && /^.{1,256}$/su.test(value), "1 to 256 characters"),
  concurrency: kind(SETTINGS.concurrency),
  lease: kind(durationBetween("1s", "1h")),
  queues: option(
    (value) =>
      Array.isArray(value) &&
      value.length > 0 &&
      value.every((name) => typeof name === "string" && NAME.test(name)),
    "an array of names of queues",
  ),
  prefetch: kind(wholeNumber(0, 10_000)),
  pollInterval: kind(durationBetween("50ms", "1m")),
  maintenanceInterval: kind(durationBetween("50ms", "10s")),
  relay: boolean(),
};

const isFunction = (value: unknown) => typeof value === "function";
const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Promise);
export const isQueue = (value: unknown): value is Queue =>
  isObject(value) && ["send", "close", "stats"].every((method) => isFunction(value[method as never]));
const isLogger = (value: unknown) =>
  isObject(value) && ["debug", "info", "warn", "error"].every((level) => isFunction(value[level as never]));

const handlers = z
  .custom<object>(isObject, "an object of handlers by message name, or a function that returns it")
  .check((context) => {
    for (const [name, handler] of Object.entries(context.value)) {
      if (handler === undefined || isFunction(handler)) continue;
      const message = "a handler: async ({ data }) => …";
      context.issues.push({ code: "custom", message, path: [name], input: handler });
    }
  });

const definitionShape: Shape<WorkerDefinition> = { ...workerShape, handlers };

const databaseShape: Shape<DatabaseDefinition> = {
  db: z.custom(
    (value) => (isObject(value) || isFunction(value)) && isFunction(Reflect.get(value as object, "execute")),
    "a database of Drizzle, such as drizzle(pool)",
  ),
  schema: option((value) => typeof value === "string" && value !== "", "the name of a schema"),
  statusTables: option((value) => Array.isArray(value) && value.every(isObject), "an array of tables"),
  listener: option(
    (value) => isObject(value) && isFunction(Reflect.get(value, "listen")),
    "a listener, such as pgListener({ … })",
  ),
};

const logsShape: Shape<LogOptions> = {
  level: kind(SETTINGS.logLevel),
  format: kind(SETTINGS.logFormat),
  logger: option(isLogger, "a logger with debug, info, warn and error"),
  intoJobs: boolean(),
};

const endpointsShape: Shape<EndpointOptions> = { port: kind(SETTINGS.port), host: kind(SETTINGS.host) };

const watchShape: Shape<WatchdogOptions> = {
  slowFactor: kind(SETTINGS.slowFactor),
  blockedFor: kind(SETTINGS.blockedFor),
  killBlockedAfter: kind(SETTINGS.killBlockedAfter),
  maxMemory: kind(SETTINGS.maxMemory),
};

const restartsShape: Shape<RestartOptions> = {
  pause: kind(SETTINGS.restartPause),
  giveUpAfter: kind(SETTINGS.giveUpAfter),
};

const configShape: Shape<QueueConfig> = {
  queue: z.custom(
    (value) => isFunction(value) || isQueue(value),
    "a queue (createQueue), or a function that opens it: () => createQueue({ … })",
  ),
  handlers: z.optional(handlers),
  worker: z.optional(z.strictObject(workerShape)),
  workers: z.optional(z.array(z.strictObject(definitionShape)).check(z.minLength(1, "at least one worker"))),
  database: z.optional(z.strictObject(databaseShape)),
  close: option(isFunction, "a function"),
  stopTimeout: kind(SETTINGS.stopTimeout),
  processes: kind(SETTINGS.processes),
  logs: z.optional(z.strictObject(logsShape)),
  endpoints: z.optional(z.strictObject(endpointsShape)),
  watch: z.optional(z.strictObject(watchShape)),
  restarts: z.optional(z.strictObject(restartsShape)),
};

/** Messages of its issues say what was expected. Functions that open handlers or workers aren't for it. */
export const configSchema = z.strictObject(configShape);

/** The members of the config, by the path of what they are in. */
export const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(configShape),
  worker: Object.keys(workerShape),
  workers: Object.keys(definitionShape),
  database: Object.keys(databaseShape),
  logs: Object.keys(logsShape),
  endpoints: Object.keys(endpointsShape),
  watch: Object.keys(watchShape),
  restarts: Object.keys(restartsShape),
};

function kind({ expected, fromValue, hint }: Kind<unknown>) {
  return option(
    (value) => fromValue(value) !== undefined,
    (value) => [expected, hint?.(value)].filter(Boolean).join("; "),
  );
}

function boolean() {
  return option((value) => typeof value === "boolean", "true or false");
}

function option(isValid: (value: unknown) => boolean, expected: string | ((value: unknown) => string)) {
  const error =
    typeof expected === "string" ? expected : (issue: { input?: unknown }) => expected(issue.input);
  return z.optional(z.custom(isValid, { error }));
}
