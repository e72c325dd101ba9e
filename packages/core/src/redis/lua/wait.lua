-- Says whether there is work, and if not, asks to be woken when there is.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 the engine's name on its wake channel, 2 milliseconds that it will wait, then the queues
-- Answer 0 when there is work; else milliseconds until the next scheduled job is due, or -1
-- Cost   some five commands a queue
-- @include lib/drain

local queues = { unpack(ARGV, 3) }
local paused = call('SMISMEMBER', P .. 'paused', unpack(queues))
for index, queue in ipairs(queues) do
  if paused[index] == 0 then
    local fresh = call('LLEN', P .. 'fresh:' .. queue) - call('SCARD', P .. 'ghosts:' .. queue)
    if fresh > 0 or call('EXISTS', P .. 'ready:' .. queue) == 1 then
      return 0
    end
  end
end
local due = call('ZRANGE', P .. 'due', 0, 0, 'WITHSCORES')
if due[2] and tonumber(due[2]) <= now then
  return 0
end
for _, queue in ipairs(queues) do
  local idle = P .. 'idle:' .. queue
  call('ZREMRANGEBYSCORE', idle, '-inf', now - 1)
  call('ZADD', idle, now + tonumber(ARGV[2]), ARGV[1])
  call('PEXPIRE', idle, tonumber(ARGV[2]) + 60000)
end
return due[2] and tonumber(due[2]) - now or -1
