-- Tombstones of removed jobs by id: "co", "fa" or "ca" (how the job ended) and its profile. There are two generations.
-- The young one replaces the old one when it is full or old enough, so each tombstone lasts at least for the configured
-- age or count, whichever is over first.
-- @include lib/search

local deleted = {}
local deleted_keys = {}
local new_tombs = {}
local deleted_endings = {}
-- Ids and profiles in turn of deleted jobs that can be searched, if there are any.
local deleted_searchable

-- The tombstone of a removed job, or false.
local function tomb_of(id)
  local tomb = deleted[id] or call('HGET', P .. 'tombs', id) or call('HGET', P .. 'tombs:old', id)
  -- A job is remembered at least until all of its dependents are decided.
  local cascade = not tomb and call('HGET', P .. 'cascades', id)
  return cascade and string.sub(cascade, 1, 2) or tomb
end

-- The state in which the job of a tombstone ended.
local function ending_of(tomb)
  local letters = string.sub(tomb, 1, 2)
  return letters == 'co' and 'completed' or letters == 'fa' and 'failed' or letters == 'ca' and 'cancelled' or nil
end

local n_tombs, n_keys = 0, 0

-- Whether any job has dependents that have ended: see lib/lifecycle/dependents.lua. Nil: unknown.
local has_dependents

-- `has_state`: whether the job has a `state:` hash, and may have logs and failures. `is_ended`: whether it is in
-- `ended`.
local function delete_job(id, profile, state, has_state, is_ended)
  local tomb = profile.tombs[state]
  if not tomb then
    tomb = string.sub(state, 1, 2) .. profile.id
    profile.tombs[state] = tomb
  end
  deleted[id] = tomb
  new_tombs[n_tombs + 1] = id
  new_tombs[n_tombs + 2] = tomb
  n_tombs = n_tombs + 2
  deleted_keys[n_keys + 1] = JOB .. id
  n_keys = n_keys + 1
  if profile.s then
    deleted_searchable = deleted_searchable or {}
    table.insert(deleted_searchable, id)
    table.insert(deleted_searchable, profile)
  end
  if has_state then
    deleted_keys[n_keys + 1] = P .. 'state:' .. id
    deleted_keys[n_keys + 2] = P .. 'logs:' .. id
    deleted_keys[n_keys + 3] = P .. 'failures:' .. id
    n_keys = n_keys + 3
  elseif is_ended then
    deleted_endings[#deleted_endings + 1] = id
  end
end

-- Deletes a job that can't be read.
local function delete_lost(id)
  new_tombs[n_tombs + 1], new_tombs[n_tombs + 2] = id, 'ca'
  n_tombs = n_tombs + 2
  for _, kind in ipairs({ 'job:', 'state:', 'logs:', 'failures:' }) do
    n_keys = n_keys + 1
    deleted_keys[n_keys] = P .. kind .. id
  end
  deleted_endings[#deleted_endings + 1] = id
end

local function rotate_tombs()
  call_unchecked('UNLINK', P .. 'tombs:old')
  if call_unchecked('EXISTS', P .. 'tombs') == 1 then
    call_unchecked('RENAME', P .. 'tombs', P .. 'tombs:old')
  end
  call_unchecked('SET', P .. 'tombs:since', now)
end

local function flush_deleted(most)
  if #new_tombs == 0 then
    return
  end
  if deleted_searchable then
    search_index().remove(deleted_searchable)
  end
  for first = 1, #deleted_keys, CHUNK do
    call_unchecked('DEL', unpack(deleted_keys, first, math.min(first + CHUNK - 1, #deleted_keys)))
  end
  call_each('HDEL', P .. 'ended', deleted_endings)
  if has_dependents == nil then
    has_dependents = call_unchecked('EXISTS', P .. 'dependents') == 1
  end
  if has_dependents then
    local ids = {}
    for at = 1, #new_tombs, 2 do
      ids[#ids + 1] = new_tombs[at]
    end
    call_each('HDEL', P .. 'dependents', ids)
  end
  call_each('HSET', P .. 'tombs', new_tombs)
  if call_unchecked('HLEN', P .. 'tombs') >= most then
    rotate_tombs()
  end
end
