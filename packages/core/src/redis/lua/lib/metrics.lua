-- Counts of this step by queue, message and field, written at its end: a few commands per batch instead of per job.
-- @import HISTOGRAM_BOUNDS from engine/queues
-- @import METRICS_LIFETIME, MAX_METRICS_FIELDS from redis/metrics-limits

local tallies = {}
-- Created when the first duration is counted.
local bounds

-- `profile`: or a table with the queue `q` and the message `m`.
local function tally(profile, field, n)
  local fields = tallies[profile]
  if not fields then
    fields = {}
    tallies[profile] = fields
  end
  fields[field] = (fields[field] or 0) + n
end

-- Cached: consecutive jobs usually waited or ran for the same time.
local last_duration, last_field = {}, {}

-- `kind`: "w" (waited) or "r" (ran). `n`: how many jobs, 1 by default.
local function tally_time(profile, kind, duration, n)
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
  tally(profile, last_field[kind], n or 1)
end

local function flush_tallies()
  local minute = int(now - now % 60000)
  for profile, fields in pairs(tallies) do
    local key = P .. 'metrics:' .. profile.q .. ':' .. minute
    local is_new = false
    for field, n in pairs(fields) do
      local name = profile.m .. ' ' .. field
      if call('HINCRBY', key, name, int(n)) == n then
        is_new = true
        -- Of too many messages, the latest are counted together.
        if call_unchecked('HLEN', key) > MAX_METRICS_FIELDS then
          call_unchecked('HDEL', key, name)
          call('HINCRBY', key, ' ' .. field, n)
        end
      end
    end
    if is_new then
      call_unchecked('PEXPIRE', key, METRICS_LIFETIME)
    end
  end
end
