import * as z from "zod/mini";
import { NAME_PATTERN } from "../contract/names.ts";
import { parseOptions } from "../contract/options.ts";
import type { CompleteEngine } from "../engine/engine.ts";
import { describeValue } from "../errors/describe-value.ts";
import { QueueError } from "../errors/queue-error.ts";
import { callSafely } from "../logging/callback-guard.ts";
import { memoryEngine } from "../memory/index.ts";
import { describeAddress, parseRedisUrl } from "../redis/connection/redis-url.ts";
import { REDIS_FEATURES } from "../redis/send-features.ts";
import { DeferredEngine } from "./deferred-engine.ts";
import { type Environment, redisUrlFromEnv } from "./redis-from-env.ts";

export interface EngineFromEnvOptions {
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Engines with the same namespace share queues and jobs. @default QUEUE_NAMESPACE, or "queue" */
  readonly namespace?: string | undefined;
  /**
   * Whether to allow the embedded engine in production, where its jobs are lost with the process and no other
   * process sees them. `QUEUE_ENGINE=memory` in the environment allows it too. @default "refuse"
   */
  readonly embeddedInProduction?: "allow" | "refuse" | undefined;
  /** Logs once which engine was chosen. @default console */
  readonly logger?: { info(message: string): void } | undefined;
}

const optionsSchema = z.strictObject({
  env: z.optional(z.custom<Environment>(isRecord, "expected an object of texts")),
  namespace: z.optional(z.string().check(z.regex(NAME_PATTERN, `must match ${NAME_PATTERN.source}`))),
  embeddedInProduction: z._default(z.enum(["allow", "refuse"]), "refuse"),
  logger: z._default(
    z.custom<{ info(message: string): void }>(
      (value) => typeof Object(value).info === "function",
      "expected a logger: info()",
    ),
    console,
  ),
});

/**
 * Chooses the engine by environment variables: Redis if `REDIS_URL` is set (or `REDIS_HOST` with `REDIS_PORT`,
 * `REDIS_USERNAME`, `REDIS_PASSWORD`, `REDIS_TLS`, `REDIS_DB`), otherwise the embedded one. `QUEUE_ENGINE=memory`
 * or `=redis` requires one of them. `QUEUE_NAMESPACE` separates apps that share a server.
 *
 * @throws {QueueError} `INVALID_OPTIONS` when a setting is invalid, and in production when no Redis is named.
 *
 * @example
 * const queue = createQueue({ registry, engine: engineFromEnv() });
 */
export function engineFromEnv(options: EngineFromEnvOptions = {}): CompleteEngine {
  const { env = processEnv(), logger, ...chosen } = parseOptions("engineFromEnv", optionsSchema, options);
  // A logger that fails must not keep the app from starting.
  const inform = (line: string) =>
    callSafely(
      () => logger.info(`@org/queue: ${line}`),
      () => {},
    );
  const { QUEUE_ENGINE: engineName = "" } = env;
  if (!["", "memory", "redis"].includes(engineName)) {
    throw refused(`QUEUE_ENGINE must be "memory" or "redis", got ${describeValue(engineName)}.`);
  }
  const url = engineName === "memory" ? undefined : redisUrlFromEnv(env);
  if (url !== undefined) {
    const namespace = chosen.namespace ?? namespaceFromEnv(env);
    const address = describeAddress(parseRedisUrl(url, "REDIS_URL"));
    inform(`redis engine, ${address}, namespace "${namespace}".`);
    return new DeferredEngine("redis", REDIS_FEATURES, async () => {
      const { redisEngine } = await import("../redis/index.ts");
      return redisEngine({ url, namespace });
    });
  }
  if (engineName === "redis")
    throw refused("QUEUE_ENGINE is redis, but neither REDIS_URL nor REDIS_HOST is set.");
  const isChosen = engineName === "memory" || chosen.embeddedInProduction === "allow";
  if (env.NODE_ENV === "production" && !isChosen) {
    const missing = refused(
      "no Redis is named, and in production the embedded engine would lose every job with its process. " +
        'Set REDIS_URL ("redis://host:6379"); or QUEUE_ENGINE=memory if that is meant.',
    );
    // `next build` loads the app's modules with NODE_ENV=production, without Redis, and sends nothing.
    if (env.NEXT_PHASE !== "phase-production-build") throw missing;
    return new DeferredEngine("redis", REDIS_FEATURES, () => Promise.reject(missing));
  }
  inform("embedded engine, its jobs live in this process only. Set REDIS_URL to share them.");
  return memoryEngine();
}

function namespaceFromEnv({ QUEUE_NAMESPACE: name }: Environment): string {
  if (!name) return "queue";
  if (!NAME_PATTERN.test(name))
    throw refused(`QUEUE_NAMESPACE must match ${NAME_PATTERN.source}, got ${describeValue(name)}.`);
  return name;
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** Some runtimes have no `process`. */
function processEnv(): Environment {
  return globalThis.process?.env ?? {};
}

function refused(why: string): QueueError {
  return new QueueError("INVALID_OPTIONS", `engineFromEnv: ${why}`);
}
