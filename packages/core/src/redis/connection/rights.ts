/**
 * A call of each command that scripts use, with `$` for a key that never exists and `@` for a channel without
 * subscribers. Each of them changes nothing: it fails after the server has checked the rights, or finds nothing to change.
 */
const HARMLESS = [
  ...["del $", "unlink $", "exists $", "pexpire $ 1", "rename $ $"],
  ...["get $", "getrange $ 0 0", "incrby $ x", "mget $", "mset $ 1 $", "msetnx $ 1 $", "set $ 1 XX"],
  ...["hdel $ f", "hexists $ f", "hget $ f", "hgetall $", "hincrby $ f x", "hlen $", "hmget $ f"],
  ...["hrandfield $", "hscan $ 0", "hset $ f 1 g"],
  ...["lindex $ 0", "llen $", "lpop $", "lrange $ 0 0", "ltrim $ 0 0"],
  ...["scan 0 COUNT 1", "scard $", "sismember $ m", "smembers $", "smismember $ m", "srandmember $"],
  ...["srem $ m", "sscan $ 0"],
  ...["zadd $ XX 1 m", "zcard $", "zlexcount $ - +", "zpopmin $", "zrandmember $", "zrange $ 0 0"],
  ...["zrangebyscore $ 0 0", "zrem $ m", "zremrangebyscore $ 0 0", "zrevrange $ 0 0"],
  ...["zrevrangebyscore $ 0 0", "zscore $ m", "publish @ _", "pubsub|numsub @", "time"],
];

/** Calls that create the key. They are made where it may be deleted again, in the same step. */
const CREATING = ["incr $", "hsetnx $ f 1", "rpush $ 1", "sadd $ m"];

/** Which of the calls in `ARGV` the user may not make, each with the server's error. */
const PROBE = `
local refused, mayDelete = {}, true
for index, text in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(text, '[^ |]+') do
    words[#words + 1] = word == '$' and KEYS[1] or word == '@' and KEYS[2] or word
  end
  if index <= ${HARMLESS.length} or mayDelete then
    local reply = redis.pcall(unpack(words))
    local problem = type(reply) == 'table' and reply.err
    if problem and (string.find(problem, 'NOPERM', 1, true) or string.find(problem, 'user executing the script', 1, true)) then
      refused[#refused + 1] = {string.match(text, '^%S+'), problem}
      if index == 1 then mayDelete = false end
    elseif index > ${HARMLESS.length} then
      redis.pcall('DEL', KEYS[1])
    end
  end
end
return refused`;

/** What a user lacks, as words of `ACL SETUSER`. */
export interface MissingRights {
  readonly commands: readonly string[];
  readonly keys: boolean;
  readonly channels: boolean;
  /** Whether commands that write are among them, all of the simplest. */
  readonly isReadOnly: boolean;
}

/** The arguments of `EVAL` that find what a user lacks. */
export function probeArgs(key: string, channel: string): readonly (string | number)[] {
  return [PROBE, 2, key, channel, ...HARMLESS, ...CREATING];
}

/** `refused`: commands with the errors of the server, from the script and from calls outside of it. */
export function missingRights(refused: readonly (readonly [string, string])[]): MissingRights {
  const about = (word: RegExp) => refused.filter(([, error]) => word.test(error));
  const channels = about(/channel/i);
  const keys = about(/\bkeys?\b/i);
  const commands = refused.filter((each) => !channels.includes(each) && !keys.includes(each));
  const names = [...new Set(commands.map(([name]) => name))];
  const denied = new Set(refused.map(([name]) => name));
  return {
    commands: names,
    keys: keys.length > 0,
    channels: channels.length > 0,
    isReadOnly: denied.has("zadd") && denied.has("rename") && denied.has("zpopmin"),
  };
}
