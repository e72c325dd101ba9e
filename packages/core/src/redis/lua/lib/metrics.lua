-- Counts of this step by queue and field, written at its end: a few commands per batch instead of per job.
-- @import HISTOGRAM_BOUNDS from engine/queues
-- @import METRICS_LIFETIME from redis/metrics-lifetime

local tallies = {}
-- Created when the first duration is counted.
local bounds

local function tally(queue, field, n)
  local fields = tallies[queue]
  if not fields then
    fields = {}
    tallies[queue] = fields
  end
  fields[field] = (fields[field] or 0) + n
end

-- Cached: consecutive jobs usually waited or ran for the same time.
local last_duration, last_field = {}, {}

-- `kind`: "w" (waited) or "r" (ran). `n`: how many jobs, 1 by default.
local function tally_time(queue, kind, duration, n)
  if duration ~= last_duration[kind] then
    bounds = bounds or HISTOGRAM_BOUNDS
    local slot = #bounds
    for index = 1, #bounds do
      if duration <= bounds[index] then
        slot = index - 1
        break
      end
    end
    last_duration[kind], last_field[kind] = duration, kind .. slot
  end
  tally(queue, last_field[kind], n or 1)
end

local function flush_tallies()
  local minute = now - now % 60000
  for queue, fields in pairs(tallies) do
    local key = P .. 'metrics:' .. queue .. ':' .. minute
    local is_new = false
    for field, n in pairs(fields) do
      is_new = call('HINCRBY', key, field, n) == n or is_new
    end
    if is_new then
      call_unchecked('PEXPIRE', key, METRICS_LIFETIME)
    end
  end
end
