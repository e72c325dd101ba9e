-- Checks that the server accepts writes, and answers the damage found in the last hour (see lib/base.lua).
--
-- KEYS   1 the prefix of the namespace's keys, 2 the prefix of its channels
-- Answer {"instant kind subject" of each, oldest first; what INFO says of the server and of its memory, or ""}
-- Cost   five commands

call_unchecked('SET', P .. 'nothing', '')
call_unchecked('DEL', P .. 'nothing')

-- The user may not ask, or a managed service has disabled it.
local function info(section)
  local text = redis.pcall('INFO', section)
  return type(text) == 'string' and text or ''
end

return { call('LRANGE', P .. 'corrupt', 0, -1), info('server'), info('memory') }
