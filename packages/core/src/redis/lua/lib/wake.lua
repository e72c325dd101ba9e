-- Wakes engines that wait for work: as many as there are jobs, the longest waiting first.
local woken = {}
-- More than this many at once would all come for the jobs of the first.
local MOST_WOKEN = 64

local function wake(queue, n)
  woken[queue] = (woken[queue] or 0) + n
end

local looking

-- One is to look again, whatever this step has claimed itself: for a job that isn't due yet, and of which it learns when
-- it will be, or for what a step has left to later ones.
local function wake_one(queue)
  looking = looking or {}
  looking[queue] = true
end

local function wake_waiting(queue, n)
  local idle = P .. 'idle:' .. queue
  for _ = 1, math.min(n, MOST_WOKEN) do
    local waiting = call('ZPOPMIN', idle)
    if #waiting == 0 then
      return
    end
    -- Nobody hears it when that engine died or lost its connection: then the next one shall.
    while tonumber(waiting[2]) < now or redis.pcall('PUBLISH', C .. 'wake:' .. waiting[1], 'wake ' .. queue) == 0 do
      waiting = call('ZPOPMIN', idle)
      if #waiting == 0 then
        return
      end
    end
  end
end

-- `only_if_left`: this step has claimed jobs itself, perhaps all that there were.
local function flush_wakes(only_if_left)
  for queue, n in pairs(woken) do
    local left = n
    if only_if_left then
      left = math.min(n, call('LLEN', P .. 'fresh:' .. queue) + call('ZCARD', P .. 'ready:' .. queue))
    end
    wake_waiting(queue, left)
  end
  if looking then
    for queue in pairs(looking) do
      wake_waiting(queue, 1)
    end
  end
end
