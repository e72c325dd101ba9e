-- Checks and counters of `enqueue`.
-- @include lib/lifecycle
-- @include lib/profiles
-- @include lib/sequences
-- @include lib/tombs

-- The hashes that remember removed jobs; empty if none existed when the script began.
local tomb_keys

local function tombs_there()
  if not tomb_keys then
    tomb_keys = { P .. 'tombs', P .. 'tombs:old', P .. 'cascades' }
    if call_unchecked('EXISTS', unpack(tomb_keys)) == 0 then
      tomb_keys = {}
    end
  end
  return tomb_keys
end

-- Which ids (at most CHUNK) are stored, remembered, or given twice: a set of places from 1, or nil if none. `are_given`:
-- whether the queue didn't generate all of these ids for this call.
local function known_places(ids, are_given)
  local keys, seen = {}, {}
  local known
  for index, id in ipairs(ids) do
    keys[index] = JOB .. id
    if seen[id] or deleted[id] then
      known = known or {}
      known[index] = true
    end
    seen[id] = true
  end
  if call_unchecked('EXISTS', unpack(keys)) > 0 then
    known = known or {}
    for index, key in ipairs(keys) do
      if call_unchecked('EXISTS', key) == 1 then
        known[index] = true
      end
    end
  end
  for _, tombs in ipairs(tombs_there()) do
    for index, letter in ipairs(call('HMGET', tombs, unpack(ids))) do
      if letter then
        known = known or {}
        known[index] = true
      end
    end
  end
  if not are_given then
    return known
  end
  -- A job whose key was deleted counts as removed. Whatever still belongs to it would end a new job with its id.
  local states = {}
  for index, id in ipairs(ids) do
    states[index] = P .. 'state:' .. id
  end
  local has_states = call_unchecked('EXISTS', unpack(states)) > 0
  local held, ended = call('HMGET', P .. 'active', unpack(ids)), call('HMGET', P .. 'ended', unpack(ids))
  for index, id in ipairs(ids) do
    local is_left = held[index] or ended[index] or has_states and call_unchecked('EXISTS', states[index]) == 1
    if is_left and not (known and known[index]) then
      known = known or {}
      known[index] = true
      life().mark_lost(id)
    end
  end
  return known
end

-- The message of a stored or remembered job, if that is known.
local function message_of(id)
  local value = try('GET', JOB .. id)
  local tomb = not value and tomb_of(id)
  local profile_id = tomb and string.sub(tomb, 3) or type(value) == 'string' and string.match(value, '^%S+')
  local profile = profile_id and profile_of(profile_id)
  return profile and profile.m
end

-- Whether the namespace had jobs before.
local has_profiles = false

-- Reserves the next `n` sequences and answers the one before them. Writes new profiles: a refused send stores none.
local function take_sequences(n)
  for id, text in pairs(new_profiles) do
    call('HSET', P .. 'profiles', id, text)
  end
  new_profiles = {}
  return next_sequences(n, has_profiles)
end

local registered_queues = {}

-- Lists a queue, so that it is counted.
local function register_queue(queue)
  if not registered_queues[queue] then
    registered_queues[queue] = true
    call('SADD', P .. 'queues', queue)
  end
end

local ghosts_there = {}

-- Whether the fresh list of a queue has entries of cancelled jobs.
local function has_ghosts(queue)
  if ghosts_there[queue] == nil then
    local ghosts = P .. 'ghosts:' .. queue
    ghosts_there[queue] = call_unchecked('EXISTS', ghosts) == 1
    if ghosts_there[queue] and call('SCARD', ghosts) > call('LLEN', P .. 'fresh:' .. queue)
      and call_unchecked('EXISTS', P .. 'lanes:' .. queue) == 0
    then
      -- The list was deleted. Its new entries aren't void.
      call_unchecked('UNLINK', ghosts)
      report('mended', 'fresh:' .. queue)
      ghosts_there[queue] = false
    end
  end
  return ghosts_there[queue]
end
