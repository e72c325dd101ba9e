import * as z from "zod/mini";
import { NAME_PATTERN } from "../contract/names.ts";
import { parseOptions } from "../contract/options.ts";
import type { Engine } from "../engine/port.ts";
import { describeValue } from "../errors/describe-value.ts";
import { QueueError } from "../errors/queue-error.ts";
import { callSafely } from "../logging/callback-guard.ts";
import { memoryEngine } from "../memory/index.ts";
import { REDIS_CAPABILITIES } from "../redis/capabilities.ts";
import { describeAddress, parseRedisUrl } from "../redis/connection/redis-url.ts";
import { DeferredEngine } from "./deferred-engine.ts";
import { type Environment, redisUrlFromEnv } from "./redis-from-env.ts";

export interface EngineFromEnvOptions {
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Engines with the same namespace share queues and jobs. @default QUEUE_NAMESPACE, or "queue" */
  readonly namespace?: string | undefined;
  /**
   * Whether the embedded engine will do in production, where its jobs are lost with the process and no other
   * process sees them. `QUEUE_ENGINE=memory` in the environment says so too. @default "refuse"
   */
  readonly embeddedInProduction?: "allow" | "refuse" | undefined;
  /** Told once which engine it is. @default console */
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
 * The engine that the environment asks for: Redis where `REDIS_URL` names one (or `REDIS_HOST` with `REDIS_PORT`,
 * `REDIS_USERNAME`, `REDIS_PASSWORD`, `REDIS_TLS`, `REDIS_DB`), the embedded one otherwise. `QUEUE_ENGINE=memory`
 * or `=redis` insists on one of them, `QUEUE_NAMESPACE` parts apps that share a server.
 *
 * @throws {QueueError} `INVALID_OPTIONS` when the settings make no sense, and in production when no Redis is named.
 *
 * @example
 * const queue = createQueue({ registry, engine: engineFromEnv() });
 */
export function engineFromEnv(options: EngineFromEnvOptions = {}): Engine {
  const { env = processEnv(), logger, ...chosen } = parseOptions("engineFromEnv", optionsSchema, options);
  // A line that isn't written is no reason not to start.
  const inform = (line: string) =>
    callSafely(
      () => logger.info(`@org/queue: ${line}`),
      () => {},
    );
  const { QUEUE_ENGINE: wanted = "" } = env;
  if (!["", "memory", "redis"].includes(wanted)) {
    throw refused(`QUEUE_ENGINE must be "memory" or "redis", got ${describeValue(wanted)}.`);
  }
  const url = wanted === "memory" ? undefined : redisUrlFromEnv(env);
  if (url !== undefined) {
    const namespace = chosen.namespace ?? namespaceFromEnv(env);
    const address = describeAddress(parseRedisUrl(url, "REDIS_URL"));
    inform(`redis engine, ${address}, namespace "${namespace}".`);
    return new DeferredEngine("redis", REDIS_CAPABILITIES, async () => {
      const { redisEngine } = await import("../redis/index.ts");
      return redisEngine({ url, namespace });
    });
  }
  if (wanted === "redis")
    throw refused("QUEUE_ENGINE is redis, but neither REDIS_URL nor REDIS_HOST is set.");
  const isChosen = wanted === "memory" || chosen.embeddedInProduction === "allow";
  if (env.NODE_ENV === "production" && !isChosen) {
    const missing = refused(
      "no Redis is named, and in production the embedded engine would lose every job with its process. " +
        'Set REDIS_URL ("redis://host:6379"); or QUEUE_ENGINE=memory if that is meant.',
    );
    // `next build` loads the app's modules as in production, on machines that have no Redis, and sends nothing.
    if (env.NEXT_PHASE !== "phase-production-build") throw missing;
    return new DeferredEngine("redis", REDIS_CAPABILITIES, () => Promise.reject(missing));
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
