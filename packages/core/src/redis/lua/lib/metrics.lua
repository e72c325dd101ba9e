-- Counts of this step, by queue and field, written at its end: so many commands a batch, not a job.
local tallies = {}
-- The upper bounds of HISTOGRAM_BOUNDS in engine/reports.ts.
local BOUNDS = {
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 300000, 900000, 3600000
}
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

-- Neighbours in a batch nearly all waited, or ran, for the same time.
local last_duration, last_slot

-- `kind`: "w" (waited) or "r" (ran).
local function tally_time(queue, kind, duration)
  if duration ~= last_duration then
    last_duration, last_slot = duration, #BOUNDS
    for index = 1, #BOUNDS do
      if duration <= BOUNDS[index] then
        last_slot = index - 1
        break
      end
    end
  end
  tally(queue, kind .. last_slot, 1)
end

local function flush_tallies()
  local minute = now - now % 60000
  for queue, fields in pairs(tallies) do
    local key = P .. 'metrics:' .. queue .. ':' .. minute
    for field, n in pairs(fields) do
      call('HINCRBY', key, field, n)
    end
    call('PEXPIRE', key, METRICS_LIFETIME)
  end
end
