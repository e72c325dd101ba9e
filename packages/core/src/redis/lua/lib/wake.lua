-- Wakes as many waiting engines as there are jobs, the longest waiting first. A member of `idle:` is an engine's name
-- and what it handles, which is "" for everything.
local woken = {}
-- More engines at once would compete for the jobs of the first ones.
local MAX_WOKEN = 64

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

local function wake_waiting(queue, n)
  local idle = P .. 'idle:' .. queue
  for _ = 1, math.min(n, MAX_WOKEN) do
    local is_received
    repeat
      local waiting = call('ZPOPMIN', idle)
      if #waiting == 0 then
        return
      end
      -- An engine that died or lost its connection doesn't receive it. Then the next one is woken.
      is_received = tonumber(waiting[2]) >= now
        and redis.pcall('PUBLISH', C .. 'wake:' .. string.match(waiting[1], '^%S*'), 'wake ' .. queue) ~= 0
    until is_received
  end
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
