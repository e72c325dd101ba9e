-- Counts of a page of the queues that have or had a job or a pause.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the cursor of the page
-- Answer {the next cursor, or "0"; of each queue in turn: name, 1 if paused or 0, blocked, scheduled, queued, active,
--        completed, failed, cancelled, milliseconds that the longest waiting job waits or -1}
-- Cost   some fifteen commands per queue, whatever the number of jobs, and five per lane of a split queue
-- @include lib/fresh
-- @include lib/heads

local reply = {}
local function add(n)
  reply[#reply + 1] = n
end

-- How long the longest waiting job of a queue waits: the first of each list, or the one sent first of the others.
local function oldest_waiting(queue, kinds)
  local oldest = -1
  local function look(id)
    local waited = id and waited_of(id)
    oldest = math.max(oldest, waited or -1)
  end
  look(first_fresh(queue, queue))
  for _, kind in ipairs(kinds) do
    look(first_fresh(queue, queue .. '/' .. kind))
  end
  look(call('ZRANGE', P .. 'queued:' .. queue, 0, 0)[1])
  return oldest
end

local page = call('SSCAN', P .. 'queues', ARGV[1], 'COUNT', 500)
for _, queue in ipairs(page[2]) do
  add(queue)
  local state = call('SMISMEMBER', P .. 'paused', queue, '/' .. queue)
  add(state[1])
  add(call('ZCARD', P .. 'blocked:' .. queue))
  add(call('ZCARD', P .. 'scheduled:' .. queue))
  local kinds = state[2] == 1 and call('SMEMBERS', P .. 'lanes:' .. queue) or {}
  add(count_fresh(queue, kinds) + call('ZCARD', P .. 'queued:' .. queue))
  add(math.max(0, tonumber(call('HGET', P .. 'running', queue)) or 0))
  add(call('ZCARD', P .. 'completed:' .. queue))
  add(call('ZCARD', P .. 'failed:' .. queue))
  add(call('ZCARD', P .. 'cancelled:' .. queue))
  add(oldest_waiting(queue, kinds))
end
return { page[1], reply }
