import type { HealthReport } from "../../engine/health-report.ts";

/** A field of what `INFO` answers. Servers leave out what they don't have, and managed services what they hide. */
export function infoField(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\s*$`, "m").exec(info)?.[1];
}

/** What a health report says of the server, by the sections `server` and `memory` of `INFO`. */
export function serverInfo(server: string, memory: string): Pick<HealthReport, "version" | "memory"> {
  const valkey = infoField(server, "valkey_version");
  const redis = infoField(server, "redis_version");
  const version = valkey ? `Valkey ${valkey}` : redis && `Redis ${redis}`;
  const used = bytes(memory, "used_memory");
  const max = bytes(memory, "maxmemory");
  const evicts = (infoField(memory, "maxmemory_policy") ?? "noeviction") !== "noeviction";
  return {
    ...(version !== undefined && { version }),
    ...(used !== undefined && {
      memory: { used, ...(max !== undefined && { max, ...(evicts && { evicts: true as const }) }) },
    }),
  };
}

/** `undefined` for 0, too: no memory is used by a server that hides it, and no limit is 0. */
function bytes(info: string, name: string): number | undefined {
  const value = Number(infoField(info, name));
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
