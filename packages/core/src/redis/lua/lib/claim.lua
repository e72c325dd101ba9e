-- Leases runnable jobs. Answers id, counters and value of each, in turn; the counters are "" for a job that
-- never ran before. And the paused ones among the queues. A function for the same reason as `make_lifecycle`.
-- @include lib/claims
-- @include lib/due
-- @include lib/events
-- @include lib/held
-- @include lib/lifecycle
-- @include lib/metrics
-- @include lib/profiles

-- Due jobs that one claim makes runnable in passing.
local PROMOTE_STEP = 1000
-- Cancelled jobs that one claim passes over.
local MOST_GHOSTS = 10000

local function claim(queues, limit, lease, token, run)
  promote_due(PROMOTE_STEP)
  -- What follows looks at what is written.
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
  -- Neighbours nearly all waited since the same instant.
  local waited, waited_since = 0, nil

  -- A profile that is there: neighbours nearly all have the same.
  local last_profile

  -- `state`: epoch, attempt, stalls and bounces before this claim, and since when it is queued, of a job that has
  -- a `state:` hash.
  local function hold(id, value, priority, state, reserved_flag)
    local profile_id, sequence, created, flags = match(value or '', '^(%w+) (%d+) (%d+) %S+ (%S+)')
    if not flags or profile_id ~= last_profile and not profile_of(profile_id) then
      return life().lose(id)
    end
    last_profile = profile_id
    local epoch, attempt, counters = 1, 1, ''
    local key, extras
    if flags ~= '-' and string.find(flags, 'k', 1, true) then
      local is_read
      is_read, extras = pcall(cjson.decode, string.match(value, '^%S+ %S+ %S+ %S+ %S+ ([^\n]*)') or '')
      if not is_read or type(extras) ~= 'table' or type(extras.o) ~= 'string' then
        return life().lose(id)
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

  -- Reserves the next in the line of a job that has just been claimed.
  local function reserve(queue, head_id, key)
    local wanted = math.min(run - 1, room)
    local reserved = {}
    local next_ids = call('ZRANGE', P .. 'line:' .. queue .. ':' .. key, 0, math.min(wanted, CHUNK))
    for _, id in ipairs(next_ids) do
      if id ~= head_id and #reserved < wanted then
        local state = call('HMGET', P .. 'state:' .. id, 'e', 'a', 't', 'b', 'p', 'at')
        -- One without an epoch has lost its `state:` hash.
        if not state[1] or (tonumber(state[5]) or 0) > 0 or (tonumber(state[6]) or 0) > now then
          break
        end
        local value = call('GET', JOB .. id)
        if hold(id, value, 0, state, 'v') then
          reserved[#reserved + 1] = id
        end
      end
    end
    if #reserved > 0 then
      call('RPUSH', P .. 'reserved:' .. queue .. ':' .. key, unpack(reserved))
    end
  end

  local function flush_waited(queue)
    if waited > 0 then
      tally_time(queue, 'w', now - waited_since, waited)
      waited = 0
    end
  end

  local function take(queue, id, value, priority, state)
    local profile_id, epoch, created, extras = hold(id, value, priority, state)
    if not profile_id then
      return
    end
    started = started + 1
    local since = state and tonumber(state[5]) or created
    if since ~= waited_since then
      flush_waited(queue)
      waited_since = since
    end
    waited = waited + 1
    if heard() then
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
    return call_sure('MGET', unpack(keys))
  end

  -- Which of these entries of a fresh list stand for jobs that were cancelled meanwhile; nil: none.
  local function ghosts_among(queue, ids)
    local key = P .. 'ghosts:' .. queue
    if call_sure('EXISTS', key) == 0 then
      return nil
    end
    return call('SMISMEMBER', key, unpack(ids))
  end

  -- Takes fresh jobs that were sent before the job of sequence `before`, as far as there is room.
  local function take_fresh(queue, before)
    local fresh = P .. 'fresh:' .. queue
    local passed = 0
    while room > 0 and passed < MOST_GHOSTS do
      local ids = call('LRANGE', fresh, 0, math.min(room, CHUNK) - 1)
      if #ids == 0 then
        return
      end
      local ghosts = ghosts_among(queue, ids)
      local values = values_of(ids)
      local taken = 0
      while taken < #ids and room > 0 do
        local next_one = taken + 1
        if ghosts and ghosts[next_one] == 1 then
          call('SREM', P .. 'ghosts:' .. queue, ids[next_one])
          passed = passed + 1
        elseif not values[next_one] then
          life().lose(ids[next_one])
          passed = passed + 1
        elseif before and tonumber(string.match(values[next_one], '^%w+ (%d+)') or 0) > before then
          call_sure('LTRIM', fresh, taken, -1)
          return
        else
          take(queue, ids[next_one], values[next_one], '0')
        end
        taken = next_one
      end
      call_sure('LTRIM', fresh, taken, -1)
    end
  end

  -- Takes ready jobs with scores up to `last`, as far as there is room.
  local function take_ready(queue, last)
    local ready = P .. 'ready:' .. queue
    while room > 0 do
      local scored = call('ZRANGEBYSCORE', ready, '-inf', last, 'WITHSCORES', 'LIMIT', 0, math.min(room, CHUNK))
      if #scored == 0 then
        return
      end
      local ids = {}
      for at = 1, #scored, 2 do
        ids[#ids + 1] = scored[at]
      end
      local values = values_of(ids)
      local taken = 0
      while taken < #ids and room > 0 do
        taken = taken + 1
        local id = ids[taken]
        local state = call('HMGET', P .. 'state:' .. id, 'e', 'a', 't', 'b', 'q')
        take(queue, id, values[taken], math.floor(scored[2 * taken] / PRIORITY_STEP), state)
      end
      call_sure('ZREM', ready, unpack(ids, 1, taken))
      call('ZREM', P .. 'queued:' .. queue, unpack(ids, 1, taken))
    end
  end

  -- The sequence of the first fresh job; 0 if it was removed meanwhile; nil if there is none.
  local function first_fresh(queue)
    local id = call('LINDEX', P .. 'fresh:' .. queue, 0)
    return id and tonumber(string.match(call('GETRANGE', JOB .. id, 0, 64), '^%w+ (%d+)') or 0)
  end

  -- The score of the first ready job, or nil.
  local function first_ready(queue)
    local first = call('ZRANGE', P .. 'ready:' .. queue, 0, 0, 'WITHSCORES')
    return first[2] and tonumber(first[2])
  end

  local function take_from(queue)
    started = 0
    local score = first_ready(queue)
    -- Both may have jobs of priority 0: the earlier sent goes first.
    while room > 0 and score and score < PRIORITY_STEP do
      local sequence = first_fresh(queue) or PRIORITY_STEP - 1
      if score < sequence then
        take_ready(queue, int(sequence))
      else
        take_fresh(queue, score)
      end
      score = first_ready(queue)
    end
    if room > 0 then
      take_fresh(queue)
    end
    if room > 0 and score then
      take_ready(queue, '+inf')
    end
    if started > 0 then
      flush_waited(queue)
      count_running(queue, started)
    end
  end

  local paused = call('SMISMEMBER', P .. 'paused', unpack(queues))
  local paused_queues = {}
  for index, queue in ipairs(queues) do
    if paused[index] == 1 then
      paused_queues[#paused_queues + 1] = queue
    elseif room > 0 then
      take_from(queue)
    end
  end
  if #records > 0 then
    set_fields(P .. 'active', records)
    hold_claim(token, held, expires)
  end
  return reply, paused_queues
end
