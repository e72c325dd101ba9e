-- Leases runnable jobs. Answers id, counters and value of each job in turn (counters are "" for a first attempt), the
-- paused ones of the queues, and whether the inlet of a split queue has entries left. A function for the reason given
-- in lib/lifecycle.lua.
-- @include lib/claims
-- @include lib/due
-- @include lib/events
-- @include lib/handles
-- @include lib/header
-- @include lib/held
-- @include lib/lanes
-- @include lib/lifecycle
-- @include lib/metrics
-- @include lib/profiles

-- Max due jobs that a claim makes runnable.
local MAX_PROMOTED = 1000
-- Max cancelled jobs that a claim skips.
local MAX_GHOSTS = 10000

local function claim(queues, limit, lease, token, run, handles)
  promote_due(MAX_PROMOTED)
  -- The rest reads what is pending.
  if lifecycle then
    lifecycle.flush()
  end
  local match = string.match
  local reply = {}
  local records = {}
  local room = limit
  local expires = int(now + lease)
  local held, started = 0, 0
  local terms = write_terms(now_text, token)
  -- Consecutive jobs usually have the same profile, and wait since the same instant.
  local waited, waited_since, waited_profile = 0, nil, nil

  -- A profile that exists. Consecutive jobs usually have the same.
  local last_profile

  -- Void entries that this claim has skipped: their jobs are cancelled or lost.
  local passed = 0
  local are_ghosts_lost = false
  -- Whether someone may have asked for the start of one of the jobs that are about to be taken.
  local is_heard

  -- `state`: for a job with a `state:` hash, its epoch, attempt, stalls and bounces before this claim, and since when
  -- it is queued. Answers nil for a job that wasn't leased; then the second value says whether that is because the
  -- worker doesn't handle it.
  local function hold(id, value, priority, state, reserved_flag)
    local profile_id, sequence, created, flags = match(value or '', '^(%w+) (%d+) (%d+) %S+ (%S+)')
    if not flags or profile_id ~= last_profile then
      local profile = flags and profile_of(profile_id)
      if not profile then
        life().mark_lost(id)
        return nil
      elseif not handles_version(handles, profile.m, profile.v) then
        return nil, true
      end
      last_profile = profile_id
    end
    local epoch, attempt, counters = 1, 1, ''
    local key, extras
    if flags ~= '-' then
      if string.find(flags, VOID) then
        if not state then
          passed = passed + 1
          if not are_ghosts_lost then
            are_ghosts_lost = true
            report('mended', 'ghosts:' .. profile_of(profile_id).q)
          end
          return nil
        end
        flags = flags == '=' and '-' or string.lower(flags)
      end
    end
    if flags ~= '-' and string.find(flags, 'k', 1, true) then
      local is_read
      is_read, extras = pcall(cjson.decode, string.match(value, '^%S+ %S+ %S+ %S+ %S+ ([^\n]*)') or '')
      if not is_read or type(extras) ~= 'table' or type(extras.o) ~= 'string' then
        life().mark_lost(id)
        return nil
      end
      priority = tonumber(extras.p) or 0
      key = extras.o
    end
    local n = 2 * held
    held = held + 1
    records[n + 1] = id
    if not state and flags == '-' then
      records[n + 2] = FIRST .. profile_id .. ' ' .. sequence .. ' ' .. terms
    elseif not (state and state[1]) then
      records[n + 2] = write_held('1', profile_id, sequence, now_text, '1', '0', '0', priority, flags, token, key)
    else
      epoch, attempt = (tonumber(state[1]) or 0) + 1, (tonumber(state[2]) or 0) + 1
      local stalls, bounces = tonumber(state[3]) or 0, tonumber(state[4]) or 0
      counters = epoch .. ' ' .. attempt .. ' ' .. stalls .. ' ' .. bounces .. (reserved_flag and ' 1' or '')
      flags = (flags == '-' and '' or flags) .. 'x' .. (reserved_flag or '')
      if reserved_flag then
        attempt = attempt - 1
      end
      local started_at = reserved_flag and '0' or now_text
      records[n + 2] = write_held(
        epoch, profile_id, sequence, started_at, attempt, stalls, bounces, priority, flags, token, key
      )
    end
    n = n + held
    reply[n] = id
    reply[n + 1] = counters
    reply[n + 2] = value
    room = room - 1
    return profile_id, epoch, created, extras
  end

  -- Reserves the next jobs in the line of a job that has just been claimed.
  local function reserve(queue, head_id, key)
    local wanted = math.min(run - 1, room)
    local reserved = {}
    local next_ids = call('ZRANGE', P .. 'line:' .. queue .. ':' .. key, 0, math.min(wanted, CHUNK))
    for _, id in ipairs(next_ids) do
      if id ~= head_id and #reserved < wanted then
        local state = call('HMGET', P .. 'state:' .. id, 'e', 'a', 't', 'b', 'p', 'at')
        -- Without an epoch, its `state:` hash is lost.
        if not state[1] or (tonumber(state[5]) or 0) > 0 or (tonumber(state[6]) or 0) > now then
          break
        end
        local value = call('GET', JOB .. id)
        local is_held, is_foreign = hold(id, value, 0, state, 'v')
        if is_held then
          reserved[#reserved + 1] = id
        elseif is_foreign then
          break
        end
      end
    end
    if #reserved > 0 then
      call('RPUSH', P .. 'reserved:' .. queue .. ':' .. key, unpack(reserved))
    end
  end

  local function flush_waited()
    if waited > 0 then
      tally_time(profile_of(waited_profile), 'w', now - waited_since, waited)
      waited = 0
    end
  end

  -- Answers true for a job that the worker doesn't handle.
  local function take(queue, id, value, priority, state)
    local profile_id, epoch, created, extras = hold(id, value, priority, state)
    if not profile_id then
      return epoch
    end
    started = started + 1
    local since = state and tonumber(state[5]) or created
    if since ~= waited_since or profile_id ~= waited_profile then
      flush_waited()
      waited_since, waited_profile = since, profile_id
    end
    waited = waited + 1
    if is_heard then
      emit('active', id, queue, profile_of(profile_id).m, epoch, false, false)
    end
    if run > 1 and room > 0 and extras and extras.o then
      reserve(queue, id, extras.o)
    end
  end

  local function values_of(ids)
    local keys = {}
    for index = 1, #ids do
      keys[index] = JOB .. ids[index]
    end
    return call_unchecked('MGET', unpack(keys))
  end

  -- Which of these entries of a fresh list belong to cancelled jobs; nil if none.
  local function ghosts_among(queue, ids)
    local key = P .. 'ghosts:' .. queue
    if call_unchecked('EXISTS', key) == 0 then
      return nil
    end
    return call('SMISMEMBER', key, unpack(ids))
  end

  -- Takes fresh jobs with sequences up to `before`, while there is room. `name`: the queue or one of its lanes. Answers
  -- true if it stopped at a job that the worker doesn't handle.
  local function take_fresh(queue, name, before)
    local fresh = P .. 'fresh:' .. name
    while room > 0 and passed < MAX_GHOSTS do
      local ids = call('LRANGE', fresh, 0, math.min(room, CHUNK) - 1)
      if #ids == 0 then
        return
      end
      is_heard = wants('active', 1, ids)
      local ghosts = ghosts_among(queue, ids)
      local values = values_of(ids)
      local taken = 0
      while taken < #ids and room > 0 do
        local next_one = taken + 1
        if ghosts and ghosts[next_one] == 1 then
          call('SREM', P .. 'ghosts:' .. queue, ids[next_one])
          passed = passed + 1
        elseif not values[next_one] then
          life().mark_lost(ids[next_one])
          passed = passed + 1
        elseif before and tonumber(string.match(values[next_one], '^%w+ (%d+)') or 0) > before then
          call_unchecked('LTRIM', fresh, taken, -1)
          return
        elseif take(queue, ids[next_one], values[next_one], '0') then
          call_unchecked('LTRIM', fresh, taken, -1)
          return true
        end
        taken = next_one
      end
      call_unchecked('LTRIM', fresh, taken, -1)
    end
  end

  -- Takes ready jobs with scores up to `last`, in the same way.
  local function take_ready(queue, name, last)
    local ready = P .. 'ready:' .. name
    while room > 0 do
      local scored = call('ZRANGEBYSCORE', ready, '-inf', last, 'WITHSCORES', 'LIMIT', 0, math.min(room, CHUNK))
      if #scored == 0 then
        return
      end
      local ids = {}
      for at = 1, #scored, 2 do
        ids[#ids + 1] = scored[at]
      end
      is_heard = wants('active', 1, ids)
      local values = values_of(ids)
      local taken = 0
      local is_foreign
      while taken < #ids and room > 0 and not is_foreign do
        local id = ids[taken + 1]
        local state = call('HMGET', P .. 'state:' .. id, 'e', 'a', 't', 'b', 'q')
        is_foreign = take(queue, id, values[taken + 1], math.floor(scored[2 * taken + 2] / PRIORITY_STEP), state)
        taken = taken + (is_foreign and 0 or 1)
      end
      if taken > 0 then
        call_unchecked('ZREM', ready, unpack(ids, 1, taken))
        call('ZREM', P .. 'queued:' .. queue, unpack(ids, 1, taken))
      end
      if is_foreign then
        return true
      end
    end
  end

  -- The sequence of the first fresh job; 0 if it was removed meanwhile; nil if there is none.
  local function first_fresh(name)
    local id = call('LINDEX', P .. 'fresh:' .. name, 0)
    return id and tonumber(string.match(call('GETRANGE', JOB .. id, 0, 64), '^%w+ (%d+)') or 0)
  end

  -- The score of the first ready job, or nil.
  local function first_ready(name)
    local first = call('ZRANGE', P .. 'ready:' .. name, 0, 0, 'WITHSCORES')
    return first[2] and tonumber(first[2])
  end

  local is_unsorted = false

  local function take_from(queue, is_split)
    started = 0
    -- Whether to look into the lanes: the queue has lanes, or a job was met that the worker doesn't handle.
    local is_mixed = is_split
    local score = not is_split and first_ready(queue)
    -- Both may have jobs of priority 0: the one sent earlier goes first.
    while room > 0 and score and score < PRIORITY_STEP and not is_mixed do
      local sequence = first_fresh(queue) or PRIORITY_STEP - 1
      if score < sequence then
        is_mixed = take_ready(queue, queue, int(sequence))
      else
        is_mixed = take_fresh(queue, queue, score)
      end
      score = first_ready(queue)
    end
    if room > 0 and not is_mixed then
      is_mixed = take_fresh(queue, queue)
    end
    if room > 0 and score and not is_mixed then
      is_mixed = take_ready(queue, queue, '+inf')
    end
    if is_mixed and not is_split then
      call('SADD', P .. 'paused', '/' .. queue)
    end
    if room > 0 and is_mixed then
      is_unsorted = lanes().take(queue, handles, {
        first_fresh = first_fresh,
        first_ready = first_ready,
        may_go_on = function()
          return room > 0 and passed < MAX_GHOSTS
        end,
        take_fresh = take_fresh,
        take_ready = take_ready,
      }) or is_unsorted
    end
    if started > 0 then
      flush_waited()
      count_running(queue, started)
    end
  end

  -- Of each queue in turn: whether it is paused, and whether it is split.
  local marks
  if #queues == 1 then
    marks = call('SMISMEMBER', P .. 'paused', queues[1], '/' .. queues[1])
  else
    local names = {}
    for index, queue in ipairs(queues) do
      names[2 * index - 1] = queue
      names[2 * index] = '/' .. queue
    end
    marks = call('SMISMEMBER', P .. 'paused', unpack(names))
  end
  local paused_queues = {}
  for index, queue in ipairs(queues) do
    if marks[2 * index - 1] == 1 then
      paused_queues[#paused_queues + 1] = queue
    elseif room > 0 then
      take_from(queue, marks[2 * index] == 1)
    end
  end
  if #records > 0 then
    set_fields(P .. 'active', records)
    hold_claim(token, held, expires)
  end
  return reply, paused_queues, is_unsorted
end
