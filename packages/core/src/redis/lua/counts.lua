-- Counts of a page of the queues that have or had a job or a pause.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the cursor of the page
-- Answer {the next cursor, or "0"; of each queue in turn: name, 1 if paused or 0, blocked, scheduled, queued, active,
--        completed, failed, cancelled}
-- Cost   ten commands per queue, whatever the number of jobs, and one per lane of a split queue

local reply = {}
local function add(n)
  reply[#reply + 1] = n
end
local page = call('SSCAN', P .. 'queues', ARGV[1], 'COUNT', 500)
for _, queue in ipairs(page[2]) do
  add(queue)
  local state = call('SMISMEMBER', P .. 'paused', queue, '/' .. queue)
  add(state[1])
  add(call('ZCARD', P .. 'blocked:' .. queue))
  add(call('ZCARD', P .. 'scheduled:' .. queue))
  local fresh = call('LLEN', P .. 'fresh:' .. queue) - call('SCARD', P .. 'ghosts:' .. queue)
  if state[2] == 1 then
    for _, kind in ipairs(call('SMEMBERS', P .. 'lanes:' .. queue)) do
      fresh = fresh + call('LLEN', P .. 'fresh:' .. queue .. '/' .. kind)
    end
  end
  add(fresh + call('ZCARD', P .. 'queued:' .. queue))
  add(tonumber(call('HGET', P .. 'running', queue) or 0) or 0)
  add(call('ZCARD', P .. 'completed:' .. queue))
  add(call('ZCARD', P .. 'failed:' .. queue))
  add(call('ZCARD', P .. 'cancelled:' .. queue))
end
return { page[1], reply }
