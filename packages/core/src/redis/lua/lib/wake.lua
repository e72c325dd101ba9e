-- Wakes engines that wait for work: as many as there are jobs, the longest waiting first. Each is a member of `idle:` of
-- its queues: its name, and behind it what it handles, if that isn't everything.
local woken = {}
-- More than this many at once would all come for the jobs of the first.
local MAX_WOKEN = 64

local function wake(queue, n)
  woken[queue] = (woken[queue] or 0) + n
end

local must_wake

-- Wakes one, also when this step has claimed everything that is ready: an engine that waits has to learn when a new
-- scheduled job falls due, and that a cascade is pending.
local function wake_one(queue)
  must_wake = must_wake or {}
  must_wake[queue] = true
end

local function wake_waiting(queue, n)
  local idle = P .. 'idle:' .. queue
  for _ = 1, math.min(n, MAX_WOKEN) do
    local is_heard
    repeat
      local waiting = call('ZPOPMIN', idle)
      if #waiting == 0 then
        return
      end
      -- Nobody hears it when that engine died or lost its connection: then the next one shall.
      is_heard = tonumber(waiting[2]) >= now
        and redis.pcall('PUBLISH', C .. 'wake:' .. string.match(waiting[1], '^%S*'), 'wake ' .. queue) ~= 0
    until is_heard
  end
end

-- Of the lanes of split queues, once a step has to do with any: see lib/lanes.lua.
local flush_lane_wakes

-- `only_if_left`: this step has claimed jobs itself, perhaps all that there were.
local function flush_wakes(only_if_left)
  for queue, n in pairs(woken) do
    local left = n
    if only_if_left then
      left = math.min(n, call('LLEN', P .. 'fresh:' .. queue) + call('ZCARD', P .. 'ready:' .. queue))
    end
    wake_waiting(queue, left)
  end
  if flush_lane_wakes then
    flush_lane_wakes()
  end
  if must_wake then
    for queue in pairs(must_wake) do
      wake_waiting(queue, 1)
    end
  end
end
