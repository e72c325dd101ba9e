import type { Redis } from "ioredis";
import type { Random } from "../random.ts";

/** Deletes or overwrites a key, or a part of it, if it exists. Returns the field or member that it chose. */
const DAMAGE = `
local key, how, roll = KEYS[1], ARGV[1], tonumber(ARGV[2])
local type, ttl = redis.call('TYPE', key).ok, redis.call('PTTL', key)
local chosen = ''
local function pick(list)
  chosen = list[1 + math.floor(roll * #list)] or ''
  return chosen
end
if type == 'none' then
  return false
elseif how == 'delete' then
  redis.call('DEL', key)
elseif how == 'retype' then
  redis.call('DEL', key)
  redis.call(type == 'string' and 'RPUSH' or 'SET', key, 'other')
elseif type == 'string' then
  redis.call('SET', key, 'not what it was')
elseif type == 'hash' and how == 'garble' then
  redis.call('HSET', key, pick(redis.call('HKEYS', key)), 'not what it was')
elseif type == 'hash' then
  redis.call('HDEL', key, pick(redis.call('HKEYS', key)))
elseif type == 'zset' then
  redis.call('ZREM', key, pick(redis.call('ZRANGE', key, 0, -1)))
elseif type == 'list' and how == 'garble' then
  redis.call('LPUSH', key, 'nobody')
elseif type == 'list' then
  redis.call('LREM', key, 1, pick(redis.call('LRANGE', key, 0, -1)))
elseif how == 'garble' then
  redis.call('SADD', key, 'nobody')
else
  redis.call('SREM', key, pick(redis.call('SMEMBERS', key)))
end
if ttl > 0 then
  redis.call('PEXPIRE', key, ttl)
end
return chosen
`;

/** Keys that belong to one job: by their name, or by the fields of a hash. */
const OF_ONE_JOB = /^(?:job|state):(.*)$/;
const BY_ID = /^(?:active|ended|waiters)$/;

/** `profiles` belongs to all jobs of a message, and `corrupt` holds the reports. */
const SKIPPED = /^(?:profiles|corrupt)/;

/** Damages keys of the redis engine, all kinds equally often. See docs/redis-data-model.md. */
export class KeyDamage {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #random: Random;
  /** Ids of the jobs whose own keys were damaged. */
  readonly victims = new Set<string>();
  readonly kinds = new Set<string>();
  /** The key, the kind of damage, and the field or member. */
  readonly log: string[] = [];

  constructor(redis: Redis, namespace: string, random: Random) {
    this.#redis = redis;
    this.#prefix = `{${namespace}}:`;
    this.#random = random;
  }

  /** Damages one key. */
  async next(): Promise<void> {
    const keys = await this.#redis.keys(`${this.#prefix}*`);
    const names = keys.map((key) => key.slice(this.#prefix.length)).filter((name) => !SKIPPED.test(name));
    const byKind = Map.groupBy(names, (name) => name.split(":", 1)[0]!);
    if (byKind.size === 0) return;
    const kind = this.#random.pick([...byKind.keys()].toSorted());
    const name = this.#random.pick(byKind.get(kind)!);
    const how = this.#random.pick(["delete", "retype", "garble", "take"] as const);
    const chosen = await this.#redis.eval(DAMAGE, 1, `${this.#prefix}${name}`, how, this.#random.next());
    if (chosen === null) return;
    this.log.push(`${name} ${how} ${chosen}`);
    this.kinds.add(kind);
    const id = OF_ONE_JOB.exec(name)?.[1] ?? (BY_ID.test(name) ? String(chosen) : "");
    if (id !== "") this.victims.add(id);
  }
}
