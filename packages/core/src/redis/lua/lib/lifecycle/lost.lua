-- Removes jobs that can't be read from every structure.
-- @include lib/lifecycle/cascade
-- @include lib/lifecycle/jobs
-- @include lib/lifecycle/lines
-- @include lib/lifecycle/waiters
-- @include lib/tombs

-- Ordering keys by the id that has their turn, of each queue.
local turns = {}

local function turn_of(queue, id)
  if not turns[queue] then
    turns[queue] = {}
    local heads = call('HGETALL', P .. 'heads:' .. queue)
    for at = 1, #heads, 2 do
      turns[queue][heads[at + 1]] = heads[at]
    end
  end
  return turns[queue][id]
end

-- Removes a lost job from a queue. If it had the turn of an ordering key, the next job gets it.
local function leave_queue(queue, id)
  call('ZREM', P .. 'ready:' .. queue, id)
  for _, kind in ipairs(call('SMEMBERS', P .. 'lanes:' .. queue)) do
    call('ZREM', P .. 'ready:' .. queue .. '/' .. kind, id)
  end
  for state in pairs(STATES) do
    if state ~= 'active' and call('ZREM', P .. state .. ':' .. queue, id) == 1 and state == 'scheduled' then
      for _, entry in ipairs(call('ZRANGE', P .. 'due', 0, -1)) do
        if string.sub(entry, 15) == id then
          call('ZREM', P .. 'due', entry)
        end
      end
    end
  end
  local key = turn_of(queue, id)
  local next_job = key and pass_turn({ id = id, queue = queue, key = key, turn = true })
  if next_job then
    place(next_job)
  end
end

-- Does for lost jobs what a removal does. For rare cases: it looks into every queue.
local function settle_lost()
  local index = 1
  while lost[index] do
    local id = lost[index]
    report('removed', id)
    local queues = call('SMEMBERS', P .. 'queues')
    for _, queue in ipairs(queues) do
      leave_queue(queue, id)
    end
    call('HDEL', P .. 'active', id)
    delete_lost(id)
    if has_waiters(id) then
      ended[#ended + 1] = {
        id = id, state = 'cancelled', queue = queues[1] or '', is_removed = true, place = 0, tail = '"}',
      }
      propagate()
    end
    index = index + 1
  end
  lost = {}
end

