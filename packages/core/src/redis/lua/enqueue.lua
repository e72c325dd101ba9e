-- Stores batches of jobs, each all or nothing, in send order.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 tombstones to remember
--        2 number of profiles, then each as JSON
--        then groups:
--          "plain", profile (its place among the profiles), queue, number of jobs, then id and value of each;
--            jobs that wait for nothing and refer to nothing
--          "batch", number of jobs, then of each: id, profile, stamp, flags, extras (JSON or ""), data, delay,
--            dedupe key or "", its window; "1" in front of them when the batch's jobs refer to each other
-- Answer of each group: for "plain" the places (from 1) of the jobs that were known already; for "batch"
--        {"stored", id or first job's id, 1 when it is new or 0, ...}, {"missing", ids...} or {"cycle", ids...}
-- Cost   a few commands a group of plain jobs, each linear in the jobs; some ten commands a job otherwise
-- @include lib/time
-- @include lib/base
-- @include lib/profiles
-- @include lib/metrics
-- @include lib/events
-- @include lib/wake
-- @include lib/tombs
-- @include lib/lifecycle
-- @include lib/batch

local profile_ids = {}
local queues = {}
local reply = {}

-- Profiles are named by a part of their text's hash: a name never comes to mean another profile, even when the
-- server's data was lost, and those who have read one need not read it again.
local function intern(text)
  local hash = redis.sha1hex(text)
  for length = 10, #hash, 10 do
    local id = string.sub(hash, 1, length)
    local known = call('HGET', P .. 'profiles', id)
    if known == text then
      return id
    elseif not known then
      call('HSET', P .. 'profiles', id, text)
      return id
    end
  end
end

local function know_queue(queue)
  if not queues[queue] then
    queues[queue] = true
    call('SADD', P .. 'queues', queue)
  end
end

-- Which of these ids are stored or remembered, or given twice: places from 1, or nil when none is.
local function known_places(first, n)
  local keys, ids, seen = {}, {}, {}
  local known
  for index = 1, n do
    local id = ARGV[first + 2 * index - 2]
    ids[index] = id
    keys[index] = P .. 'job:' .. id
    if seen[id] or buried[id] then
      known = known or {}
      known[index] = true
    end
    seen[id] = true
  end
  if call('EXISTS', unpack(keys)) > 0 then
    known = known or {}
    for index, key in ipairs(keys) do
      if call('EXISTS', key) == 1 then
        known[index] = true
      end
    end
  end
  for _, tombs in ipairs({ 'tombs', 'tombs:old' }) do
    if call('EXISTS', P .. tombs) == 1 then
      for index, letter in ipairs(call('HMGET', P .. tombs, unpack(ids))) do
        if letter then
          known = known or {}
          known[index] = true
        end
      end
    end
  end
  return known
end

local function store_plain(first, n, profile_id, queue, answer, offset)
  local known = known_places(first, n)
  local pairs_to_set, ids = {}, {}
  local sequence = call('INCRBY', P .. 'sequence', n) - n
  for index = 1, n do
    if known and known[index] then
      answer[#answer + 1] = offset + index
    else
      local id = ARGV[first + 2 * index - 2]
      ids[#ids + 1] = id
      pairs_to_set[#pairs_to_set + 1] = P .. 'job:' .. id
      pairs_to_set[#pairs_to_set + 1] = profile_id .. ' ' .. int(sequence + index) .. ' ' .. now_text
        .. ARGV[first + 2 * index - 1]
    end
  end
  if #ids == 0 then
    return
  end
  call('MSET', unpack(pairs_to_set))
  if call('EXISTS', P .. 'ghosts:' .. queue) == 0 then
    call('RPUSH', P .. 'fresh:' .. queue, unpack(ids))
  else
    -- An id whose cancelled entry is still in the list must not come into it again.
    local ghosts = call('SMISMEMBER', P .. 'ghosts:' .. queue, unpack(ids))
    for index, id in ipairs(ids) do
      if ghosts[index] == 0 then
        call('RPUSH', P .. 'fresh:' .. queue, id)
      else
        local job = life().load(id)
        call('ZADD', P .. 'queued:' .. queue, job.sequence, id)
        call('ZADD', P .. 'ready:' .. queue, job.sequence, id)
      end
    end
  end
  tally(queue, 'sent', #ids)
  wake(queue, #ids)
  if heard() then
    local message_type = profile_of(profile_id).m
    for _, id in ipairs(ids) do
      emit('queued', id, queue, message_type, 0, false, false)
    end
  end
end

for index = 1, tonumber(ARGV[2]) do
  profile_ids[index] = intern(ARGV[2 + index])
end

local at = 3 + tonumber(ARGV[2])
while ARGV[at] do
  local answer = {}
  if ARGV[at] == 'plain' then
    local profile_id, queue, n = profile_ids[tonumber(ARGV[at + 1])], ARGV[at + 2], tonumber(ARGV[at + 3])
    at = at + 4
    know_queue(queue)
    for offset = 0, n - 1, CHUNK do
      store_plain(at + 2 * offset, math.min(CHUNK, n - offset), profile_id, queue, answer, offset)
    end
    at = at + 2 * n
  else
    local specs
    specs, at = read_batch(at, profile_ids)
    answer = store_batch(specs, know_queue)
  end
  reply[#reply + 1] = answer
end

bury_all(tonumber(ARGV[1]))
flush_tallies()
flush_wakes(false)
flush_events()
return reply
