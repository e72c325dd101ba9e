-- Deletes all that is kept of a queue that has no jobs, except who waits for work of it.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the queue
-- Answer 1, or 0 if the queue has jobs
-- Cost   some twenty commands, and one for each thousand minutes of metrics
-- @import METRICS_LIFETIME from redis/metrics-limits
-- @include lib/drain

local queue = ARGV[1]
local running = tonumber(call('HGET', P .. 'running', queue) or 0) or 0
for _, state in ipairs({ 'blocked', 'scheduled', 'queued', 'completed', 'failed', 'cancelled' }) do
  running = running + call('ZCARD', P .. state .. ':' .. queue)
end
local names, standing = { queue }, 0
for _, kind in ipairs(call('SMEMBERS', P .. 'lanes:' .. queue)) do
  names[#names + 1] = queue .. '/' .. kind
end
local keys = { P .. 'ghosts:' .. queue, P .. 'lanes:' .. queue, P .. 'heads:' .. queue }
for _, name in ipairs(names) do
  standing = standing + call('LLEN', P .. 'fresh:' .. name)
  keys[#keys + 1] = P .. 'fresh:' .. name
  keys[#keys + 1] = P .. 'ready:' .. name
end
if running > 0 or standing > call('SCARD', P .. 'ghosts:' .. queue) then
  return 0
end
local minute = now - now % 60000
for first = minute - METRICS_LIFETIME, minute, 60000 do
  keys[#keys + 1] = string.format('%smetrics:%s:%d', P, queue, first)
end
for first = 1, #keys, CHUNK do
  call_unchecked('UNLINK', unpack(keys, first, math.min(first + CHUNK - 1, #keys)))
end
call('HDEL', P .. 'running', queue)
call('SREM', P .. 'paused', queue, '/' .. queue)
call('SREM', P .. 'queues', queue)
return 1
