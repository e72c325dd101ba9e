-- Stores batches of jobs in send order, each batch completely or not at all.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 to 3 as in lib/turn.lua
--        4 tombstones to keep
--        5 number of profiles, then each as JSON
--        then groups:
--          "plain", the profile's place among the profiles, queue, message, the common start of all values or "", flags ("r": an
--            id occurs twice, "g": some ids weren't generated for this call, "s": they can be searched, "b": they are one
--            batch, not one each) or "", number of jobs, then id and the rest of the value of each. Plain jobs wait for
--            nothing and refer to nothing.
--          "batch", number of jobs, flags ("c": they may form a cycle, "g": as above) or "", then of each: id, terms,
--            header from its stamp on, data. Terms are "profile" for a plain job, else "profile delay".
-- Answer "out of turn" if the call before it hasn't arrived; then nothing is stored. Else of each group: for "plain"
--        the places (from 1) of jobs that were stored before, each followed by the message of the job that has the id, if
--        that is another one; for "batch" {"stored", id or the id of the deduplicated job, 1 if new or 0, ...},
--        {"missing", ids...} or {"cycle", ids...}; for any batch {"in use", id, message of the job that has it}
-- Cost   a few commands per group of plain jobs, each linear in the jobs; about ten commands per other job
-- @include lib/events
-- @include lib/admission
-- @include lib/lifecycle
-- @include lib/metrics
-- @include lib/profiles
-- @include lib/search
-- @include lib/step
-- @include lib/turn
-- @include lib/wake

-- A function, so that plain jobs, which are most, don't pay for its closures.
local function make_batches()
  -- @include enqueue/batch
  return read_batch, store_batch
end

call_unchecked('SET', sent_key, ARGV[2], 'PX', CALL_LIFETIME)

local profile_ids = {}
local reply = {}
local read_batch, store_batch

-- The id of a profile is a part of its hash. So an id never means another profile, even after the server lost its data,
-- and whoever has read a profile needn't read it again.
local function intern(text)
  local hash = redis.sha1hex(text)
  for length = 10, #hash, 10 do
    local id = string.sub(hash, 1, length)
    local known = new_profiles[id] or call('HGET', P .. 'profiles', id)
    if known == text then
      has_profiles = has_profiles or not new_profiles[id]
      return id
    elseif not known then
      new_profiles[id] = text
      return id
    end
  end
end

-- Puts the refusal of a batch into `answer` if jobs of another message have some of its ids.
local function refuse(answer, group, ids, known)
  for index, id in ipairs(known and ids or {}) do
    local other = known[index] and message_of(id)
    if other and other ~= group.m then
      answer[1], answer[2], answer[3] = 'in use', id, other
      return true
    end
  end
end

local function store_plain(group, first, n, offset, answer)
  local queue, profile_id = group.q, group.profile_id
  local ids, values = {}, {}
  local sequence = take_sequences(n)
  local head, middle = profile_id .. ' ', ' ' .. now_text .. group.header
  for index = 1, n do
    local id = ARGV[first + 2 * index - 2]
    ids[index] = id
    values[2 * index - 1] = JOB .. id
    values[2 * index] = head .. int(sequence + index) .. middle .. ARGV[first + 2 * index - 1]
  end
  -- Usually all jobs are new, and one command checks that and stores them.
  local known
  local flags = group.flags
  local is_given = flags ~= '' and string.find(flags, 'g', 1, true)
  if is_given or flags ~= '' and string.find(flags, 'r', 1, true) or call_unchecked('MSETNX', unpack(values)) == 0 then
    known = known_places(ids, is_given) or {}
    if group.is_batch and refuse(answer, group, ids, known) then
      return
    end
    local new_ids, new_values = {}, {}
    for index, id in ipairs(ids) do
      if known[index] then
        answer[#answer + 1] = offset + index
        local other = message_of(id)
        if other and other ~= group.m then
          answer[#answer + 1] = other
        end
      else
        new_ids[#new_ids + 1] = id
        new_values[#new_values + 1] = values[2 * index - 1]
        new_values[#new_values + 1] = values[2 * index]
      end
    end
    if #new_ids == 0 then
      return
    end
    ids = new_ids
    call_unchecked('MSET', unpack(new_values))
  end
  if group.flags ~= '' and string.find(group.flags, 's', 1, true) then
    local search, lists = search_index(), {}
    for index = 1, n do
      if not known or not known[index] then
        local id, text = ARGV[first + 2 * index - 2], ARGV[first + 2 * index - 1]
        local header = group.header ~= '' and group.header or text
        search.collect_new(lists, profile_of(profile_id), header, sequence + index, id)
      end
    end
    search.add(lists)
  end
  register_queue(queue)
  if not has_ghosts(queue) then
    call('RPUSH', P .. 'fresh:' .. queue, unpack(ids))
  else
    -- An id whose cancelled entry is still in the list must not be added to it again.
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
  tally(group, 'sent', #ids)
  wake(queue, #ids)
  if wants('queued', 0, ids) then
    for _, id in ipairs(ids) do
      emit('queued', id, queue, group.m, 0, false, false)
    end
  end
end

-- A batch of several chunks is decided before its first is stored.
local function check_chunks(group, first, n, answer)
  for offset = 0, n - 1, CHUNK do
    local ids = {}
    for index = offset, math.min(offset + CHUNK, n) - 1 do
      ids[#ids + 1] = ARGV[first + 2 * index]
    end
    if refuse(answer, group, ids, known_places(ids)) then
      return
    end
  end
end

for index = 1, tonumber(ARGV[5]) do
  profile_ids[index] = intern(ARGV[5 + index])
end

local at = 6 + tonumber(ARGV[5])
while ARGV[at] do
  local answer = {}
  if ARGV[at] == 'plain' then
    local group = {
      profile_id = profile_ids[tonumber(ARGV[at + 1])],
      q = ARGV[at + 2],
      m = ARGV[at + 3],
      header = ARGV[at + 4],
      flags = ARGV[at + 5],
    }
    local n = tonumber(ARGV[at + 6])
    at = at + 7
    group.is_batch = string.find(group.flags, 'b', 1, true) ~= nil
    if group.is_batch and n > CHUNK then
      check_chunks(group, at, n, answer)
    end
    if #answer == 0 then
      for offset = 0, n - 1, CHUNK do
        store_plain(group, at + 2 * offset, math.min(CHUNK, n - offset), offset, answer)
      end
    end
    at = at + 2 * n
  else
    if not read_batch then
      read_batch, store_batch = make_batches()
    end
    local specs
    specs, at = read_batch(at, profile_ids)
    answer = store_batch(specs)
  end
  reply[#reply + 1] = answer
end

end_step(tonumber(ARGV[4]), false)
return reply
