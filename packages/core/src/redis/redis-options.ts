import * as z from "zod/mini";
import type { Duration } from "../contract/duration.ts";
import { NAME_PATTERN } from "../contract/names.ts";
import { duration, parseOptions } from "../contract/options.ts";
import { QueueError } from "../errors/queue-error.ts";
import { parseRedisUrl, type RedisAddress } from "./connection/redis-url.ts";

/** Exactly one of `url` and `client`. */
export interface RedisEngineOptions {
  /**
   * `"redis://user:password@host:6379/0"`, `"rediss://…"` for TLS, or `"unix:///path/to/redis.sock?db=0"`.
   * For anything else, configure a `client`.
   */
  readonly url?: string | undefined;
  /**
   * A client of ioredis 6, with Sentinels or TLS as you need them. The engine only copies it (`client.duplicate()`), so
   * it may stay unconnected (`lazyConnect: true`). Not a Cluster.
   */
  readonly client?: RedisClient | undefined;
  /** Engines with the same namespace share queues and jobs. @default "queue" */
  readonly namespace?: string | undefined;
  /**
   * How long a call waits for a lost connection to come back, before it is rejected with `ENGINE_UNAVAILABLE`.
   * @default "0s"
   */
  readonly waitForConnection?: Duration | undefined;
  /**
   * How long a connection may take to open, and how long calls wait for the first one. If nothing listens at the
   * address, calls are rejected at once unless `waitForConnection` is set. @default "10s"
   */
  readonly connectTimeout?: Duration | undefined;
  /**
   * How long the server may take to answer a call. After that, and at most a quarter more, the connection counts as
   * dead: its calls are rejected with `ENGINE_UNAVAILABLE`, and it is replaced. @default "10s"
   */
  readonly commandTimeout?: Duration | undefined;
  /** How long, and for how many jobs, the engine remembers how a removed job ended. */
  readonly tombstones?:
    | {
        /** @default "1d" */
        readonly age?: Duration | undefined;
        /** @default 100_000 */
        readonly count?: number | undefined;
      }
    | undefined;
  /**
   * Use a server even if its `maxmemory-policy` deletes keys, and so jobs, when its memory is full.
   * @default false
   */
  readonly allowEviction?: boolean | undefined;
}

/** The part of ioredis' `Redis` that identifies one. The client may come from another copy of ioredis. */
export interface RedisClient {
  readonly options: object;
  duplicate(...override: never[]): unknown;
}

/** `RedisEngineOptions`, validated and with their defaults. Durations are milliseconds. */
export interface ResolvedRedisOptions {
  readonly server: { readonly address: RedisAddress } | { readonly client: RedisClient };
  readonly namespace: string;
  readonly waitForConnection: number;
  readonly connectTimeout: number;
  readonly commandTimeout: number;
  readonly tombstones: { readonly age: number; readonly count: number };
  readonly allowEviction: boolean;
}

const DAY = 86_400_000;
const HOUR = 3_600_000;

const optionsSchema = z.strictObject({
  url: z.optional(z.string()),
  client: z.optional(z.custom<RedisClient>(isClient, "expected an ioredis client")),
  namespace: z._default(
    z.string().check(z.regex(NAME_PATTERN, `must match ${NAME_PATTERN.source}`)),
    "queue",
  ),
  waitForConnection: z._default(duration({ max: HOUR }), 0),
  connectTimeout: z._default(duration({ min: 100, max: HOUR }), 10_000),
  commandTimeout: z._default(duration({ min: 100, max: HOUR }), 10_000),
  tombstones: z._default(
    z.strictObject({
      age: z._default(duration(), DAY),
      count: z._default(z.int().check(z.minimum(0), z.maximum(10_000_000)), 100_000),
    }),
    { age: DAY, count: 100_000 },
  ),
  allowEviction: z._default(z.boolean(), false),
});

/** @throws {QueueError} `INVALID_OPTIONS`. */
export function resolveRedisOptions(options: RedisEngineOptions): ResolvedRedisOptions {
  const { url, client, ...rest } = parseOptions("redisEngine", optionsSchema, options);
  if ((url === undefined) === (client === undefined)) {
    const both = url === undefined ? "" : ", not both";
    throw refused(`give it a \`url\` ("redis://localhost:6379") or an ioredis \`client\`${both}.`);
  }
  if (client === undefined) return { ...rest, server: { address: parseRedisUrl(url!, "redisEngine: url") } };
  refuseUnfit(client);
  return { ...rest, server: { client } };
}

function isClient(value: unknown): boolean {
  const { options, duplicate } = Object(value) as Partial<RedisClient>;
  return typeof options === "object" && options !== null && typeof duplicate === "function";
}

function refuseUnfit(client: RedisClient): void {
  const { isCluster, options } = client as { isCluster?: boolean; options: { keyPrefix?: unknown } };
  if (isCluster === true) {
    throw refused(
      "client is a Cluster, and all keys of a namespace must be on one server. " +
        "Give it a `Redis` client of one primary, with or without Sentinels.",
    );
  }
  // It would prefix keys but not channels, and separate the engine from others that have a URL.
  if (options.keyPrefix) {
    throw refused("client has a `keyPrefix`. Leave it out: the engine's keys have its `namespace`.");
  }
}

function refused(why: string): QueueError {
  return new QueueError("INVALID_OPTIONS", `redisEngine: ${why}`);
}
