-- Renews leases, and stores the progress and the logs that come with them.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 lease in milliseconds; then of each: id, epoch, token, progress (JSON or ""), logs (JSON array of
--          "instant message" texts, or "")
-- Answer for each job 0 (lost) or 1 (held); for a job that has to stop the error that says why, or ""
-- Cost   two commands, and two per claim; about five more per job with progress or logs
-- @import MAX_LOGS from engine/engine-limits
-- @include lib/drain
-- @include lib/claims
-- @include lib/events
-- @include lib/held
-- @include lib/lifecycle

local statuses = {}
local expires = int(now + tonumber(ARGV[1]))
local ids, reports = {}, {}
-- Renewed jobs by claim.
local renewed, is_renewed = {}, {}
for at = 2, #ARGV, 5 do
  ids[#ids + 1] = ARGV[at]
end
for first = 1, #ids, CHUNK do
  local last = math.min(first + CHUNK - 1, #ids)
  local records = call('HMGET', P .. 'active', unpack(ids, first, last))
  for index = first, last do
    local at = 5 * index - 3
    local record = records[index - first + 1]
    statuses[index] = 0
    local epoch, _, _, _, _, _, _, _, flags, token = string.match(record or '', HELD)
    if epoch == ARGV[at + 1] and is_of_claim(token, ARGV[at + 2]) then
      statuses[index] = string.find(flags, 'c', 1, true) and (call('HGET', P .. 'state:' .. ids[index], 'err') or '') or 1
      renewed[token] = renewed[token] or {}
      if not is_renewed[ids[index]] then
        is_renewed[ids[index]] = true
        table.insert(renewed[token], ids[index])
      end
      if ARGV[at + 3] ~= '' or ARGV[at + 4] ~= '' then
        reports[#reports + 1] = at
      end
    end
  end
end

-- Gives a new token to jobs that are renewed without the rest of their claim.
local function split_claim(token, jobs)
  local own = token .. '+' .. call('INCR', P .. 'endings')
  for _, id in ipairs(jobs) do
    call('HSET', P .. 'active', id, alter_held(call('HGET', P .. 'active', id), '', own))
  end
  hold_claim(own, #jobs, expires)
  drop_from_claim(token, #jobs)
end

for token, jobs in pairs(renewed) do
  if #jobs == tonumber(call('HGET', P .. 'claims', token)) then
    call('ZADD', P .. 'leases', expires, token)
  else
    split_claim(token, jobs)
  end
end
flush_claims()

-- Notes in the record of a job that it has a `state:` hash.
local function mark_state(job)
  if not job.has_state then
    job.has_state = true
    call('HSET', P .. 'active', job.id, alter_held(call('HGET', P .. 'active', job.id), 'x'))
    call('HSET', P .. 'state:' .. job.id, 's', 'active')
  end
end

-- If the list ends with these entries already, they came with a call whose reply was lost.
local function append_logs(job, logs)
  local key = P .. 'logs:' .. job.id
  if call('LINDEX', key, -1) == logs[#logs] then
    return
  end
  call('RPUSH', key, unpack(logs, math.max(1, #logs - MAX_LOGS + 1)))
  call('LTRIM', key, -MAX_LOGS, -1)
end

for _, at in ipairs(reports) do
  local job = life().load(ARGV[at])
  if job then
    mark_state(job)
  end
  if job and ARGV[at + 4] ~= '' then
    local is_read, logs = pcall(cjson.decode, ARGV[at + 4])
    if is_read and #logs > 0 then
      append_logs(job, logs)
    end
  end
  if job and ARGV[at + 3] ~= '' then
    call('HSET', P .. 'state:' .. job.id, 'prog', ARGV[at + 3])
    emit('progress', job.id, job.queue, job.profile.m, job.epoch, ARGV[at + 3], false)
  end
end
flush_events()
return statuses
