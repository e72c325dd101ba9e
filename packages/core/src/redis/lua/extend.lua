-- Renews leases, storing the progress and the logs that they carry.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 lease in milliseconds; then of each: id, epoch, progress (JSON or ""), logs (JSON array of
--          "instant message" texts, or "")
-- Answer for each 0 (lost), 1 (held) or 2 (cancelling)
-- Cost   three commands, linear in the leases; some five more for one that carries anything
-- @include lib/time
-- @include lib/base
-- @include lib/drain
-- @include lib/profiles
-- @include lib/metrics
-- @include lib/events
-- @include lib/wake
-- @include lib/tombs
-- @include lib/lifecycle
-- @include lib/held

local KEPT_LOGS = 100

local statuses = {}
local leases = {}
local ids = {}
for at = 2, #ARGV, 4 do
  ids[#ids + 1] = ARGV[at]
end
local expires = now + tonumber(ARGV[1])
local reports = {}
for first = 1, #ids, CHUNK do
  local last = math.min(first + CHUNK - 1, #ids)
  local records = call('HMGET', P .. 'active', unpack(ids, first, last))
  for index = first, last do
    local at = 4 * index - 2
    local record = records[index - first + 1]
    statuses[index] = 0
    if record and string.match(record, '^%d+') == ARGV[at + 1] then
      local flags = string.match(record, '(%S+) %S+$')
      statuses[index] = string.find(flags, 'c', 1, true) and 2 or 1
      leases[#leases + 1] = expires
      leases[#leases + 1] = ids[index]
      if ARGV[at + 2] ~= '' or ARGV[at + 3] ~= '' then
        reports[#reports + 1] = at
      end
    end
  end
end
call_each('ZADD', P .. 'leases', leases)

-- From now on the job has a `state:` hash, which its record must say.
local function mark_state(job)
  if not job.has_state then
    job.has_state = true
    local record = call('HGET', P .. 'active', job.id)
    local before, flags, token = string.match(record, '^(.* )(%S+) (%S+)$')
    call('HSET', P .. 'active', job.id, before .. (flags == '-' and 'x' or flags .. 'x') .. ' ' .. token)
    call('HSET', P .. 'state:' .. job.id, 's', 'active')
  end
end

-- Entries that are the list's last already came with a call whose answer was lost.
local function append_logs(job, logs)
  local key = P .. 'logs:' .. job.id
  if call('LINDEX', key, -1) == logs[#logs] then
    return
  end
  call('RPUSH', key, unpack(logs, math.max(1, #logs - KEPT_LOGS + 1)))
  call('LTRIM', key, -KEPT_LOGS, -1)
end

for _, at in ipairs(reports) do
  local job = life().load(ARGV[at])
  mark_state(job)
  if ARGV[at + 3] ~= '' then
    append_logs(job, cjson.decode(ARGV[at + 3]))
  end
  if ARGV[at + 2] ~= '' then
    call('HSET', P .. 'state:' .. job.id, 'prog', ARGV[at + 2])
    emit('progress', job.id, job.queue, job.profile.m, job.epoch, false, false)
  end
end
flush_events()
return statuses
