-- Deletes all that is kept of a queue that has no jobs, except who waits for work of it.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the queue
-- Answer 1, or 0 if the queue has jobs
-- Cost   some twenty commands, one for each thousand minutes of metrics, and four for each thousand void entries
-- @import METRICS_LIFETIME from redis/metrics-limits
-- @include lib/drain

-- Max thousands of void entries that one call drops from a list.
local MAX_PAGES = 100

-- Whether a fresh list has an entry of a job. It must not be told by `ghosts:`, which may be lost. Void entries before it
-- are dropped.
local function has_fresh(queue, name)
  local fresh = P .. 'fresh:' .. name
  for _ = 1, MAX_PAGES do
    local ids = call('LRANGE', fresh, 0, CHUNK - 1)
    if #ids == 0 then
      return false
    end
    local values = {}
    for index, id in ipairs(ids) do
      values[index] = JOB .. id
    end
    if call_unchecked('EXISTS', unpack(values)) > 0 then
      return true
    end
    call('LTRIM', fresh, #ids, -1)
    call('SREM', P .. 'ghosts:' .. queue, unpack(ids))
  end
  return true
end

local queue = ARGV[1]
local running = math.max(0, tonumber(call('HGET', P .. 'running', queue)) or 0)
for _, state in ipairs({ 'blocked', 'scheduled', 'queued', 'completed', 'failed', 'cancelled' }) do
  running = running + call('ZCARD', P .. state .. ':' .. queue)
end
if running > 0 then
  return 0
end
local names = { queue }
for _, kind in ipairs(call('SMEMBERS', P .. 'lanes:' .. queue)) do
  names[#names + 1] = queue .. '/' .. kind
end
local keys = { P .. 'ghosts:' .. queue, P .. 'lanes:' .. queue, P .. 'heads:' .. queue }
for _, name in ipairs(names) do
  if has_fresh(queue, name) then
    return 0
  end
  keys[#keys + 1] = P .. 'fresh:' .. name
  keys[#keys + 1] = P .. 'ready:' .. name
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
