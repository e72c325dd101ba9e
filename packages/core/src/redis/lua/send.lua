-- Stores one job that waits for nothing and refers to nothing, as most sends do. Writes what enqueue.lua writes, in 40
-- percent of its time.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 to 3 as in lib/turn.lua, 4 the profile as JSON, 5 queue, 6 the field of sends of its message in metrics, 7 id,
--        8 the job's value from the stamp on, 9 "given" if the queue didn't generate the id for this call, or ""
-- Answer 1 if the job is new, 0 if it was stored before, "out of turn" if the call before it hasn't arrived, or "general"
-- if only enqueue.lua can decide about it. Nothing is stored unless it is 1.
-- Cost   about ten commands, and five more for an id that was given
-- @base lib/light-base
-- @import METRICS_LIFETIME, MAX_METRICS_FIELDS from redis/metrics-limits
-- @include lib/turn
-- @include lib/wake-waiting

-- A profile whose id is longer counts as new here: see `intern` in enqueue.lua.
local profile_id = string.sub(redis.sha1hex(ARGV[4]), 1, 10)
local queue, id = ARGV[5], ARGV[7]
local fresh = P .. 'fresh:' .. queue

-- A new profile; cancelled jobs whose entries are still in the list, maybe one with this id; jobs that are remembered
-- until their dependents are decided; listeners for new jobs, or for this one.
local n_general = call_unchecked(
  'EXISTS', P .. 'ghosts:' .. queue, P .. 'cascades', P .. 'listeners:queued', P .. 'watched:queued'
)
if n_general == 1 and call_unchecked('EXISTS', P .. 'watched:queued') == 1 and call('HEXISTS', P .. 'watched', id) == 0 then
  n_general = 0
end
if n_general > 0 or call('HGET', P .. 'profiles', profile_id) ~= ARGV[4] then
  return 'general'
end
if ARGV[9] ~= '' then
  local tomb = call('HGET', P .. 'tombs', id) or call('HGET', P .. 'tombs:old', id)
  if tomb then
    return type(tomb) == 'string' and string.sub(tomb, 3) == profile_id and 0 or 'general'
  end
  -- What is left of a job whose key was deleted.
  if call('HEXISTS', P .. 'active', id) ~= 0 or call('HEXISTS', P .. 'ended', id) ~= 0
    or call_unchecked('EXISTS', P .. 'state:' .. id) == 1
  then
    return 'general'
  end
end
local sequence = call('INCR', P .. 'sequence')
if type(sequence) ~= 'number' then
  return 'general'
end
if sequence == 1 then
  -- There is a profile, so there were jobs: the counter was lost.
  call_unchecked('DEL', P .. 'sequence')
  return 'general'
end
-- Not by `..`, which writes numbers as floats and takes five times as long.
local value = string.format('%s %d %d%s', profile_id, sequence, now, ARGV[8])
if not call_unchecked('SET', JOB .. id, value, 'NX') then
  -- With another profile it may be a job of another message.
  local known = redis.pcall('GET', JOB .. id)
  return type(known) == 'string' and string.match(known, '^%S+') == profile_id and 0 or 'general'
end
local length = call('RPUSH', fresh, id)
local is_listed = length ~= 1 or type(call('SADD', P .. 'queues', queue)) == 'number'
if type(length) ~= 'number' or not is_listed then
  call_unchecked('DEL', JOB .. id)
  call('LTRIM', fresh, 0, -2)
  return 'general'
end

local metrics = string.format('%smetrics:%s:%d', P, queue, now - now % 60000)
if call('HINCRBY', metrics, ARGV[6], '1') == 1 then
  call('PEXPIRE', metrics, METRICS_LIFETIME)
  -- As in lib/metrics.lua.
  if call_unchecked('HLEN', metrics) > MAX_METRICS_FIELDS then
    call_unchecked('HDEL', metrics, ARGV[6])
    call('HINCRBY', metrics, ' sent', '1')
  end
end
call_unchecked('SET', sent_key, ARGV[2], 'PX', CALL_LIFETIME)
wake_waiting(queue, 1)
return 1
