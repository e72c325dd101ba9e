-- Counts of this step, by queue and field, written at its end: so many commands a batch, not a job.
local tallies = {}
-- The upper bounds of HISTOGRAM_BOUNDS in engine/reports.ts, made by the first step that needs them.
local bounds
-- A day, and an hour for readers with slow clocks.
local METRICS_LIFETIME = 90000000

local function tally(queue, field, n)
  local fields = tallies[queue]
  if not fields then
    fields = {}
    tallies[queue] = fields
  end
  fields[field] = (fields[field] or 0) + n
end

-- Neighbours in a batch nearly all waited, or ran, for the same time: the field of the last, by kind.
local last_duration, last_field = {}, {}

-- `kind`: "w" (waited) or "r" (ran). `n`: how many took so long, 1 if not given.
local function tally_time(queue, kind, duration, n)
  if duration ~= last_duration[kind] then
    bounds = bounds or {
      1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 300000, 900000, 3600000
    }
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
      call_sure('PEXPIRE', key, METRICS_LIFETIME)
    end
  end
end
