import { QueueError } from "../../errors/queue-error.ts";
import { infoField } from "../codec/server-info.ts";
import { NO_CLUSTER, unavailable } from "./connection-errors.ts";

const MIN_VERSION = [6, 2] as const;

/**
 * Checks by the answer to `INFO` whether a server may be used. Fields that are missing count as fine: managed services
 * and other servers than Redis leave out many.
 *
 * @throws {QueueError} `ENGINE_MISCONFIGURED`; `ENGINE_UNAVAILABLE` while it starts or is a replica.
 */
export function checkServer(
  info: string,
  { address, allowEviction }: { readonly address: string; readonly allowEviction: boolean },
): void {
  const field = (name: string) => infoField(info, name);
  const misconfigured = (why: string) =>
    new QueueError("ENGINE_MISCONFIGURED", `Redis at ${address} can't be used: ${why}`);

  const version = field("redis_version");
  const [major = 0, minor = 0] = version?.split(".").map(Number) ?? MIN_VERSION;
  if (major < MIN_VERSION[0] || (major === MIN_VERSION[0] && minor < MIN_VERSION[1])) {
    throw misconfigured(`its version is ${version}. Upgrade it to Redis 6.2 or later, or to Valkey.`);
  }
  if (field("redis_mode") === "cluster" || field("cluster_enabled") === "1") {
    throw misconfigured(`it belongs to a Redis Cluster. ${NO_CLUSTER}`);
  }
  if ((field("loading") ?? "0") !== "0") throw unavailable(address, "is starting and still loads its data");
  // After a failover the old primary is a replica, until the host name or the Sentinels lead to the new one.
  if (field("role") === "slave") {
    throw unavailable(
      address,
      "is a replica, which can't be written to: the address must lead to the primary",
    );
  }
  const policy = field("maxmemory_policy") ?? "noeviction";
  if (policy === "noeviction" || field("maxmemory") === "0" || allowEviction) return;
  throw misconfigured(
    `its maxmemory-policy is ${policy}, so it would delete jobs when its memory is full. ` +
      "Set it to noeviction (`CONFIG SET maxmemory-policy noeviction` and in redis.conf; with a managed service, " +
      "in its parameters), or pass `allowEviction: true` to go on regardless.",
  );
}
