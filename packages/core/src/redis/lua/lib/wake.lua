-- Wakes as many waiting engines as there are jobs.
-- @include lib/wake-waiting

local woken = {}

local function wake(queue, n)
  woken[queue] = (woken[queue] or 0) + n
end

local must_wake

-- Wakes one engine, even if this step has claimed all ready jobs: a waiting engine has to learn of a new scheduled job
-- and of a pending cascade.
local function wake_one(queue)
  must_wake = must_wake or {}
  must_wake[queue] = true
end

-- Set by lib/lanes.lua.
local flush_lane_wakes

-- `only_if_left`: this step has claimed, possibly all of the jobs.
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
