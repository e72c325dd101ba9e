-- Checks that the server accepts writes, and answers the damage found in the last hour (see lib/base.lua).
--
-- KEYS   1 the prefix of the namespace's keys, 2 the prefix of its channels
-- Answer {"instant kind subject" of each, oldest first; what INFO says of the server and of its memory, or ""; 1 if the
--        user may not write, so that this wasn't checked, else 0}
-- Cost   eight commands

local function is_refused(reply)
  local problem = type(reply) == 'table' and reply.err or ''
  -- The wording of Redis 6 and 7, then that of 8.
  return string.find(problem, 'user executing the script', 1, true) or string.find(problem, 'NOPERM', 1, true)
end

-- First: a full server refuses no write that comes after one that needs no memory.
local written = redis.pcall('SET', P .. 'nothing', '')
if type(written) ~= 'table' or not written.err then
  call_unchecked('DEL', P .. 'nothing')
end
-- A user who only looks, or follows events, has none of these rights. They find nothing to change.
local is_reader = is_refused(redis.pcall('ZADD', P .. 'nothing', 'XX', 0, ''))
  and is_refused(redis.pcall('RENAME', P .. 'nothing', P .. 'nothing'))
  and is_refused(redis.pcall('ZPOPMIN', P .. 'nothing'))
if type(written) == 'table' and written.err and not is_reader then return written end

-- The user may not ask, or a managed service has disabled it.
local function info(section)
  local text = redis.pcall('INFO', section)
  return type(text) == 'string' and text or ''
end

return { call('LRANGE', P .. 'corrupt', 0, -1), info('server'), info('memory'), is_reader and 1 or 0 }
