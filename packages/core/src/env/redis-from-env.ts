import { describeValue } from "../errors/describe-value.ts";
import { QueueError } from "../errors/queue-error.ts";
import { parseRedisUrl } from "../redis/connection/redis-url.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that need a host. */
const PARTS = ["REDIS_PORT", "REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_TLS", "REDIS_DB"];

/** The URL of the server that the environment names, if any. Empty variables count as unset. */
export function redisUrlFromEnv(env: Environment): string | undefined {
  if (env.REDIS_URL) {
    parseRedisUrl(env.REDIS_URL, "REDIS_URL");
    return env.REDIS_URL;
  }
  if (env.REDIS_HOST) return composeUrl(env, env.REDIS_HOST);
  const orphaned = PARTS.filter((name) => env[name]);
  if (orphaned.length === 0) return undefined;
  throw refused(
    `${orphaned.join(" and ")} ${orphaned.length === 1 ? "is" : "are"} set, but neither REDIS_URL nor REDIS_HOST.`,
  );
}

function composeUrl(env: Environment, host: string): string {
  if (!/^[A-Za-z0-9_.:-]+$/.test(host)) throw refused("REDIS_HOST takes a host name or an address alone.");
  const port = wholeNumber(env, "REDIS_PORT", 65_535) ?? 6379;
  const db = wholeNumber(env, "REDIS_DB", 999_999) ?? 0;
  const { REDIS_USERNAME: user = "", REDIS_PASSWORD: password = "" } = env;
  const login = user || password ? `${encodeURIComponent(user)}:${encodeURIComponent(password)}@` : "";
  const place = host.includes(":") ? `[${host}]` : host;
  const url = `redis${isOn(env, "REDIS_TLS") ? "s" : ""}://${login}${place}:${port}/${db}`;
  parseRedisUrl(url, "REDIS_HOST");
  return url;
}

function wholeNumber(env: Environment, name: string, max: number): number | undefined {
  const text = env[name];
  if (!text) return undefined;
  if (/^\d{1,6}$/.test(text) && Number(text) <= max) return Number(text);
  throw refused(`${name} must be a whole number from 0 to ${max}, got ${describeValue(text)}.`);
}

function isOn(env: Environment, name: string): boolean {
  const text = env[name] || "false";
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw refused(`${name} must be "true" or "false", got ${describeValue(text)}.`);
}

function refused(why: string): QueueError {
  return new QueueError("INVALID_OPTIONS", `engineFromEnv: ${why}`);
}
