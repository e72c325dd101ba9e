import type { CompleteEngine } from "../engine/engine.ts";
import { IoredisConnection } from "./connection/ioredis-connection.ts";
import { RedisEngine } from "./redis-engine.ts";
import { type RedisEngineOptions, resolveRedisOptions } from "./redis-options.ts";

export type { RedisClient, RedisEngineOptions } from "./redis-options.ts";

/**
 * An engine on Redis 6.2 or later, or Valkey: jobs outlive processes, and any number of them share the work.
 * Connects with the first call.
 *
 * @throws {QueueError} `INVALID_OPTIONS`; `UNSUPPORTED_RUNTIME` before Node 20.9.
 *
 * @example
 * const queue = createQueue({ registry, engine: redisEngine({ url: "redis://localhost:6379" }) });
 */
export function redisEngine(options: RedisEngineOptions): CompleteEngine {
  const resolved = resolveRedisOptions(options);
  // The braces keep all keys of a namespace on one node, wherever keys are spread by hash.
  const connection = new IoredisConnection(resolved, `{${resolved.namespace}}:`);
  return new RedisEngine({ connection, tombstones: resolved.tombstones });
}
