-- Wakes engines that wait for work: as many as there are jobs, the longest waiting first. Each is a member of `idle:` of
-- its queues: its name, and behind it what it handles, if that isn't everything (see lib/lanes.lua).
-- @include lib/handles

local woken = {}
-- Of split queues, by kind: what its lane has got.
local woken_kinds = {}
-- More than this many at once would all come for the jobs of the first.
local MAX_WOKEN = 64

local function wake(queue, n)
  woken[queue] = (woken[queue] or 0) + n
end

local function wake_kind(queue, kind, n)
  woken_kinds[queue] = woken_kinds[queue] or {}
  woken_kinds[queue][kind] = (woken_kinds[queue][kind] or 0) + n
end

local must_wake

-- Wakes one, also when this step has claimed everything that is ready: an engine that waits has to learn when a new
-- scheduled job falls due, and that a cascade is pending.
local function wake_one(queue)
  must_wake = must_wake or {}
  must_wake[queue] = true
end

-- Whether anybody heard it: nobody does when that engine died or lost its connection.
local function publish_wake(queue, member)
  return redis.pcall('PUBLISH', C .. 'wake:' .. string.match(member, '^%S*'), 'wake ' .. queue) ~= 0
end

local function wake_waiting(queue, n)
  local idle = P .. 'idle:' .. queue
  for _ = 1, math.min(n, MAX_WOKEN) do
    repeat
      local waiting = call('ZPOPMIN', idle)
      if #waiting == 0 then
        return
      end
    until tonumber(waiting[2]) >= now and publish_wake(queue, waiting[1])
  end
end

-- As many as there are jobs of a kind, of the engines that handle it. The first of all that wait are looked at.
local function wake_waiting_for(queue, kind, n)
  local idle = P .. 'idle:' .. queue
  local left = math.min(n, MAX_WOKEN)
  for _, member in ipairs(call('ZRANGEBYSCORE', idle, now, '+inf', 'LIMIT', 0, MAX_WOKEN)) do
    if left > 0 and handles_kind(string.match(member, '^%S+( .*)$') or '', kind) then
      call('ZREM', idle, member)
      if publish_wake(queue, member) then
        left = left - 1
      end
    end
  end
end

local function standing_in(name)
  return call('LLEN', P .. 'fresh:' .. name) + call('ZCARD', P .. 'ready:' .. name)
end

-- Wakes for what stands in the lanes of a split queue.
local function wake_lanes(queue)
  for _, kind in ipairs(call('SMEMBERS', P .. 'lanes:' .. queue)) do
    wake_kind(queue, kind, standing_in(queue .. '/' .. kind))
  end
end

-- `only_if_left`: this step has claimed jobs itself, perhaps all that there were.
local function flush_wakes(only_if_left)
  for queue, n in pairs(woken) do
    wake_waiting(queue, only_if_left and math.min(n, standing_in(queue)) or n)
  end
  for queue, kinds in pairs(woken_kinds) do
    for kind, n in pairs(kinds) do
      local left = math.min(n, standing_in(queue .. '/' .. kind))
      if left > 0 then
        wake_waiting_for(queue, kind, left)
      end
    end
  end
  if must_wake then
    for queue in pairs(must_wake) do
      wake_waiting(queue, 1)
    end
  end
end
