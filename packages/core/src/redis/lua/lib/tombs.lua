-- Tombstones: "co", "fa" or "ca" (how a removed job ended) and its profile, by id, in two generations. When the young
-- one is full or old enough it takes the place of the old one, so each is remembered for at least the configured time
-- or that many more, whichever is over first.
local buried = {}
local bury_keys = {}
local bury_tombs = {}
local bury_ended = {}

-- The tombstone of a removed job, or false.
local function tomb_of(id)
  local tomb = buried[id] or call('HGET', P .. 'tombs', id) or call('HGET', P .. 'tombs:old', id)
  -- A job is remembered as long as others wait to be told how it ended.
  local cascade = not tomb and call('HGET', P .. 'cascades', id)
  return cascade and string.sub(cascade, 1, 2) or tomb
end

-- How a tombstone's job ended.
local function ending_of(tomb)
  local letters = string.sub(tomb, 1, 2)
  return letters == 'co' and 'completed' or letters == 'fa' and 'failed' or letters == 'ca' and 'cancelled' or nil
end

local n_tombs, n_keys = 0, 0

-- `has_state`: whether the job has a `state:` hash and what goes with it; `is_ended`: whether it is in `ended`.
local function bury(id, profile, state, has_state, is_ended)
  local tomb = profile.tombs[state]
  if not tomb then
    tomb = string.sub(state, 1, 2) .. profile.id
    profile.tombs[state] = tomb
  end
  buried[id] = tomb
  bury_tombs[n_tombs + 1] = id
  bury_tombs[n_tombs + 2] = tomb
  n_tombs = n_tombs + 2
  bury_keys[n_keys + 1] = JOB .. id
  n_keys = n_keys + 1
  if has_state then
    bury_keys[n_keys + 1] = P .. 'state:' .. id
    bury_keys[n_keys + 2] = P .. 'logs:' .. id
    bury_keys[n_keys + 3] = P .. 'failures:' .. id
    n_keys = n_keys + 3
  elseif is_ended then
    bury_ended[#bury_ended + 1] = id
  end
end

-- Of a job that can't be read.
local function bury_lost(id)
  bury_tombs[n_tombs + 1], bury_tombs[n_tombs + 2] = id, 'ca'
  n_tombs = n_tombs + 2
  for _, kind in ipairs({ 'job:', 'state:', 'logs:', 'failures:' }) do
    n_keys = n_keys + 1
    bury_keys[n_keys] = P .. kind .. id
  end
  bury_ended[#bury_ended + 1] = id
end

local function rotate_tombs()
  call_sure('UNLINK', P .. 'tombs:old')
  if call_sure('EXISTS', P .. 'tombs') == 1 then
    call_sure('RENAME', P .. 'tombs', P .. 'tombs:old')
  end
  call_sure('SET', P .. 'tombs:since', now)
end

local function flush_buried(most)
  if #bury_tombs == 0 then
    return
  end
  for first = 1, #bury_keys, CHUNK do
    call_sure('DEL', unpack(bury_keys, first, math.min(first + CHUNK - 1, #bury_keys)))
  end
  call_each('HDEL', P .. 'ended', bury_ended)
  call_each('HSET', P .. 'tombs', bury_tombs)
  if call_sure('HLEN', P .. 'tombs') >= most then
    rotate_tombs()
  end
end
