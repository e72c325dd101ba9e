import { infoField } from "./server-info.ts";

const MIN_VERSION = [6, 2] as const;

/** What to use instead of a Cluster. */
export const NO_CLUSTER =
  "All keys of a namespace must be on one server: use one primary, with or without Sentinels.";

/** Why a server can't be used. `what` continues a sentence about it, without a period. */
export interface ServerProblem {
  readonly check: "version" | "cluster" | "loading" | "replica" | "eviction";
  readonly what: string;
  /** Absent of what passes by itself. */
  readonly remedy?: string;
}

/**
 * Why a server can't be used, by the answer to `INFO`. Fields that are missing count as fine: managed services and other
 * servers than Redis leave out many.
 */
export function findServerProblems(
  info: string,
  { allowEviction }: { readonly allowEviction: boolean },
): readonly ServerProblem[] {
  const field = (name: string) => infoField(info, name);
  const problems: ServerProblem[] = [];
  const version = field("redis_version");
  const [major = 0, minor = 0] = version?.split(".").map(Number) ?? MIN_VERSION;
  if (major < MIN_VERSION[0] || (major === MIN_VERSION[0] && minor < MIN_VERSION[1])) {
    problems.push({
      check: "version",
      what: `its version is ${version}`,
      remedy: "Upgrade it to Redis 6.2 or later, or to Valkey.",
    });
  }
  if (field("redis_mode") === "cluster" || field("cluster_enabled") === "1") {
    problems.push({ check: "cluster", what: "it belongs to a Redis Cluster", remedy: NO_CLUSTER });
  }
  if ((field("loading") ?? "0") !== "0") {
    problems.push({ check: "loading", what: "is starting and still loads its data" });
  }
  // After a failover the old primary is a replica, until the host name or the Sentinels lead to the new one.
  if (field("role") === "slave") {
    problems.push({
      check: "replica",
      what: "is a replica, which can't be written to: the address must lead to the primary",
    });
  }
  const policy = field("maxmemory_policy") ?? "noeviction";
  if (policy !== "noeviction" && field("maxmemory") !== "0" && !allowEviction) {
    problems.push({
      check: "eviction",
      what: `its maxmemory-policy is ${policy}, so it would delete jobs when its memory is full`,
      remedy:
        "Set it to noeviction (`CONFIG SET maxmemory-policy noeviction` and in redis.conf; with a managed service, " +
        "in its parameters), or pass `allowEviction: true` to go on regardless.",
    });
  }
  return problems;
}
