-- Moves jobs between states, the same way as memory/lifecycle.ts. A function, so that a script that needs none
-- of it doesn't make its closures.
local function make_lifecycle()
  local jobs = {}
  -- Jobs that ended in this step and whose dependents are still to be told.
  local ended = {}
  -- New jobs that haven't got their first state yet.
  local entering = {}
  -- Reserved jobs whose turn came in this step: `flush_begun` makes them active for those who look.
  local begun = {}
  local L = { jobs = jobs, entering = entering }

  -- Ready jobs are ordered by priority, then by send order.
  local PRIORITY_STEP = 8796093022208
  -- Finished jobs trimmed in passing by one ending.
  local TRIM_STEP = 4
  -- Enough of a job's value for nearly every header.
  local HEADER_BYTES = 255

  local function read_header(id)
    local text = call('GETRANGE', P .. 'job:' .. id, 0, HEADER_BYTES)
    local line_end = string.find(text, '\n', 1, true)
    if not line_end then
      if text == '' then
        return nil
      end
      text = call('GET', P .. 'job:' .. id)
      line_end = string.find(text, '\n', 1, true)
    end
    return string.sub(text, 1, line_end - 1)
  end

  -- A job as this step sees and changes it. `extras` is the JSON of what few jobs have.
  function L.describe(id, profile_id, sequence, created, flags, extras)
    local profile = profile_of(profile_id)
    local job = {
      id = id,
      profile_id = profile_id,
      profile = profile,
      queue = profile.q,
      sequence = tonumber(sequence),
      created = tonumber(created),
      priority = 0,
      epoch = 0,
      attempt = 0,
      stalls = 0,
      bounces = 0,
      pending = 0,
      at = 0,
    }
    if flags ~= '-' then
      local more = cjson.decode(extras)
      job.priority = more.p or 0
      job.key = more.o
      -- Ids and the first letters of their policies, in turn.
      job.deps = more.d
    end
    jobs[id] = job
    return job
  end

  local function read_record(job, record)
    local epoch, started, attempt, stalls, bounces, flags, token =
      string.match(record, '^(%d+) %w+ %d+ (%d+) (%d+) (%d+) (%d+) %d+ (%S+) (%S+)$')
    job.token = token
    job.is_held = true
    job.is_reserved = string.find(flags, 'v', 1, true) ~= nil
    job.state = job.is_reserved and 'blocked' or 'active'
    job.epoch = tonumber(epoch)
    job.started = tonumber(started)
    job.attempt = tonumber(attempt)
    job.stalls = tonumber(stalls)
    job.bounces = tonumber(bounces)
    job.is_cancelling = string.find(flags, 'c', 1, true) ~= nil
    job.has_state = string.find(flags, 'x', 1, true) ~= nil
  end

  -- The stored job, or nil. One that this step has removed isn't stored any more.
  function L.load(id)
    local job = jobs[id]
    if job then
      return not job.is_deleted and job or nil
    end
    local header = not buried[id] and read_header(id)
    if not header then
      return nil
    end
    local profile_id, sequence, created, flags, extras = string.match(header, '^(%w+) (%d+) (%d+) %S+ (%S+) ?(.*)$')
    job = L.describe(id, profile_id, sequence, created, flags, extras)
    local record = call('HGET', P .. 'active', id)
    if record then
      read_record(job, record)
      return job
    end
    local state = call('HMGET', P .. 'state:' .. id, 's', 'e', 'a', 't', 'b', 'at', 'p', 'st', 'f', 'c', 'q')
    job.state = state[1] or 'queued'
    job.has_state = state[1] ~= false
    job.epoch = tonumber(state[2] or 0)
    job.attempt = tonumber(state[3] or 0)
    job.stalls = tonumber(state[4] or 0)
    job.bounces = tonumber(state[5] or 0)
    job.at = tonumber(state[6] or 0)
    job.pending = tonumber(state[7] or 0)
    job.started = tonumber(state[8] or 0)
    job.finished = state[9] and tonumber(state[9])
    job.is_cancelling = state[10] ~= false
    return job
  end

  local function is_terminal(state)
    return state == 'completed' or state == 'failed' or state == 'cancelled'
  end
  L.is_terminal = is_terminal

  -- The state of a known job, stored or not; nil when nothing is known of it.
  function L.state_of(id)
    local job = L.load(id)
    if job then
      -- One that is being admitted has no state yet; it hasn't ended, that's certain.
      return job.state or 'blocked'
    end
    local tomb = tomb_of(id)
    return tomb and (tomb == 'co' and 'completed' or tomb == 'fa' and 'failed' or 'cancelled') or nil
  end

  -- Writes what changes in a job's life, and further fields and values.
  local function save(job, ...)
    -- Most that are kept ran once, straight through: what is 0 goes without saying.
    if not job.has_state and job.stalls + job.bounces + job.at + job.pending == 0 then
      job.has_state = true
      call(
        'HSET', P .. 'state:' .. job.id,
        's', job.state, 'e', int(job.epoch), 'a', int(job.attempt), 'st', int(job.started or 0), ...
      )
      return
    end
    job.has_state = true
    call(
      'HSET', P .. 'state:' .. job.id,
      's', job.state, 'e', int(job.epoch), 'a', int(job.attempt), 't', int(job.stalls), 'b', int(job.bounces),
      'at', int(job.at), 'p', int(job.pending), 'st', int(job.started or 0), ...
    )
  end

  -- Takes a job out of the structures of its state. What active jobs stand in the caller removes, in batches.
  local function leave(job)
    local state, queue, id = job.state, job.queue, job.id
    if state == 'queued' then
      if call('ZREM', P .. 'queued:' .. queue, id) == 1 then
        call('ZREM', P .. 'ready:' .. queue, id)
      else
        local ghosts, fresh = P .. 'ghosts:' .. queue, P .. 'fresh:' .. queue
        call('SADD', ghosts, id)
        if call('SCARD', ghosts) == call('LLEN', fresh) then
          call('DEL', ghosts, fresh)
        end
      end
    elseif state and state ~= 'active' then
      call('ZREM', P .. state .. ':' .. queue, id)
      if state == 'scheduled' then
        call('ZREM', P .. 'due', id)
      end
    end
  end

  local function emit_state(job, result, error)
    emit(job.state, job.id, job.queue, job.profile.m, job.epoch, result or false, error or false)
  end

  local function head_of(job)
    return call('HGET', P .. 'heads:' .. job.queue, job.key)
  end

  local function line_of(job)
    return P .. 'line:' .. job.queue .. ':' .. job.key
  end

  -- Jobs of the line that are reserved for the claim that holds its head, in the order of their turns.
  local function reserved_of(job)
    return P .. 'reserved:' .. job.queue .. ':' .. job.key
  end

  -- The state of a job that waits for a worker, by what it still waits for. New jobs that can run at once are
  -- pushed by the caller, in batches, if it gives a function for that.
  function L.place(job, push_fresh)
    local to
    if job.pending > 0 or (job.key and head_of(job) ~= job.id) then
      to = 'blocked'
      if job.state == to then
        save(job)
        return
      end
    else
      to = job.at > now and 'scheduled' or 'queued'
      wake(job.queue, 1)
    end
    local is_new = job.state == nil
    leave(job)
    job.state = to
    emit_state(job)
    if to == 'queued' and is_new and job.priority == 0 and push_fresh(job) then
      return
    end
    call('ZADD', P .. to .. ':' .. job.queue, int(job.sequence), job.id)
    if to == 'queued' then
      call('ZADD', P .. 'ready:' .. job.queue, job.priority * PRIORITY_STEP + job.sequence, job.id)
      if is_new then
        return
      end
    elseif to == 'scheduled' then
      call('ZADD', P .. 'due', job.at, job.id)
    end
    if to == 'queued' and now ~= job.created then
      save(job, 'q', now_text)
    else
      save(job)
    end
  end
  local place = L.place

  local function kept_of(job, state)
    return job.profile.m .. (state == 'completed' and ':completed' or ':failed')
  end

  -- Milliseconds and number of a finished job's retention.
  local function bound_of(profile, state)
    if state == 'completed' then
      return profile.ca, profile.cc
    end
    return profile.fa, profile.fc
  end

  -- Whether something still needs a finished job where it is, so that no trimming may take it.
  function L.is_pinned(job)
    return (not job.has_no_waiters and call('EXISTS', P .. 'waiters:' .. job.id) == 1) or (job.key and head_of(job) == job.id)
  end

  local function forget(job)
    call('ZREM', P .. job.state .. ':' .. job.queue, job.id)
    job.is_deleted = true
    bury(job.id, job.state, true)
  end

  -- A kept job's entry says all that trimming must know: its profile, and how and when it ended.
  local function entry_of(job)
    return job.profile_id .. ' ' .. job.state .. ' ' .. int(job.finished) .. ' ' .. job.id
  end

  -- The oldest kept jobs of each kind, as far as this step has seen them, and what it removes of them: by key.
  local windows = {}
  local removals = {}
  local WINDOW = 100

  local function remove_later(key, member)
    local members = removals[key]
    if not members then
      members = {}
      removals[key] = members
    end
    members[#members + 1] = member
  end

  function L.flush_removals()
    for key, members in pairs(removals) do
      call_each('ZREM', key, members)
    end
    removals, windows = {}, {}
  end

  local function window_of(kept)
    local window = windows[kept]
    if not window then
      local key = P .. 'kept:' .. kept
      window = { size = call('ZCARD', key), entries = call('ZRANGE', key, 0, WINDOW - 1), first = 1 }
      windows[kept] = window
    elseif window.size > 0 and not window.entries[window.first] then
      L.flush_removals()
      return window_of(kept)
    end
    return window
  end

  -- Removes up to `limit` finished jobs of one kind that are past their bounds. Answers how many.
  function L.trim(kept, limit)
    local trimmed = 0
    local window = window_of(kept)
    while trimmed < limit and window.size > 0 do
      local entry = window.entries[window.first]
      local profile_id, state, finished, id = string.match(entry, '^(%w+) (%l+) (%d+) (.*)$')
      local profile = profile_of(profile_id)
      local age, count = bound_of(profile, state)
      if window.size <= count and finished + age > now then
        break
      end
      remove_later(P .. 'kept:' .. kept, entry)
      remove_later(P .. state .. ':' .. profile.q, id)
      if jobs[id] then
        jobs[id].is_deleted = true
      end
      bury(id, state, true)
      trimmed = trimmed + 1
      window.first = window.first + 1
      window.size = window.size - 1
      window = window_of(kept)
    end
    if window.size == 0 then
      call('SREM', P .. 'kept', kept)
    end
    return trimmed
  end

  -- Numbers in the order of endings, taken from the server in blocks.
  local next_ending, last_ending = 1, 0

  local function ending_number()
    if next_ending > last_ending then
      last_ending = call('INCRBY', P .. 'endings', CHUNK)
      next_ending = last_ending - CHUNK + 1
    end
    next_ending = next_ending + 1
    return next_ending - 1
  end

  -- `is_new`: it ended just now, so it can't be among the kept.
  local function retain(job, is_new)
    if job.is_deleted or job.is_kept or L.is_pinned(job) then
      return
    end
    local kept = kept_of(job, job.state)
    local key = P .. 'kept:' .. kept
    local entry = entry_of(job)
    if not is_new and call('ZSCORE', key, entry) then
      return
    end
    job.is_kept = true
    local window = window_of(kept)
    call('ZADD', key, int(ending_number()), entry)
    window.size = window.size + 1
    if window.size == 1 then
      call('SADD', P .. 'kept', kept)
      window.entries, window.first = { entry }, 1
    end
    L.trim(kept, TRIM_STEP)
  end
  L.retain = retain

  local function unretain(job)
    job.is_kept = false
    L.flush_removals()
    call('ZREM', P .. 'kept:' .. kept_of(job, job.state), entry_of(job))
  end

  -- Unfinished jobs that depend on this one: their ids, each with the first letter of its policy while it
  -- waits, or "-" once it only reads the result. While there is any, retention spares the job.
  local function waiters_of(id)
    return P .. 'waiters:' .. id
  end

  local function begin_reading(job)
    for index = 1, #job.deps, 2 do
      local dependency = L.load(job.deps[index])
      if dependency then
        call('HSETNX', waiters_of(dependency.id), job.id, '-')
        if dependency.state and is_terminal(dependency.state) then
          unretain(dependency)
        end
      end
    end
  end

  local function await(job, dependency, policy)
    call('HSET', waiters_of(dependency), job.id, policy)
    job.pending = job.pending + 1
  end

  local function end_reading(job, id)
    if call('HDEL', waiters_of(id), job.id) == 0 or call('EXISTS', waiters_of(id)) == 1 then
      return
    end
    local dependency = L.load(id)
    if dependency and dependency.state and is_terminal(dependency.state) then
      retain(dependency)
    end
  end

  -- A reserved job has got its turn.
  local function begin(job)
    leave(job)
    job.state = 'active'
    job.is_reserved = false
    job.attempt = job.attempt + 1
    job.started = now
    -- Not counted as running yet.
    job.has_just_begun = true
    begun[#begun + 1] = job
    tally_time(job.queue, 'w', 0)
    emit_state(job)
  end

  -- Writes those that began in this step and go on: most ended in it too.
  function L.flush_begun()
    for _, job in ipairs(begun) do
      if job.state == 'active' then
        local flags = job.is_cancelling and 'kcx' or 'kx'
        call('HSET', P .. 'active', job.id, job.epoch .. ' ' .. job.profile_id .. ' ' .. job.sequence .. ' ' .. now
          .. ' ' .. job.attempt .. ' ' .. job.stalls .. ' ' .. job.bounces .. ' ' .. job.priority .. ' ' .. flags
          .. ' ' .. job.token)
        call('HINCRBY', P .. 'running', job.queue, 1)
      end
    end
    begun = {}
  end

  -- The job's ordering key goes to the next in line, if this one had the turn.
  local function pass_turn(job)
    local line = line_of(job)
    if head_of(job) ~= job.id then
      call('ZREM', line, job.id)
      return
    end
    call('ZREM', line, job.id)
    local reserved_id = call('LPOP', reserved_of(job))
    local next_id = reserved_id or call('ZRANGE', line, 0, 0)[1]
    if not next_id then
      call('HDEL', P .. 'heads:' .. job.queue, job.key)
      return
    end
    call('HSET', P .. 'heads:' .. job.queue, job.key, next_id)
    if reserved_id then
      begin(L.load(next_id))
    -- One of the batch being admitted is placed when its own dependencies have been looked at.
    elseif not entering[next_id] then
      place(L.load(next_id))
    end
  end

  -- Ends a job; `propagate` must follow. `error` and `result` are JSON text or nil. An active job must have
  -- been taken out of `active`, `leases` and `running`.
  function L.finish(job, state, error, result)
    local holds = state == 'failed' and job.profile.h and job.key
    if holds then
      L.break_run(job)
    end
    tally(job.queue, state, 1)
    if job.state == 'active' then
      tally_time(job.queue, 'r', now - job.started)
    end
    job.pending = 0
    if job.deps then
      for index = 1, #job.deps, 2 do
        end_reading(job, job.deps[index])
      end
    end
    leave(job)
    job.state = state
    job.is_held = false
    job.finished = now
    emit_state(job, result, error)
    local has_waiters = not job.has_no_waiters and call('EXISTS', waiters_of(job.id)) == 1
    local _, count = bound_of(job.profile, state)
    if count == 0 and not has_waiters and not holds then
      if call('EXISTS', P .. 'kept:' .. kept_of(job, state)) == 0 then
        job.is_deleted = true
        bury(job.id, state, job.has_state)
      end
    end
    if not job.is_deleted then
      if not error and job.has_state then
        call('HDEL', P .. 'state:' .. job.id, 'err')
      end
      -- A job ends with a result, an error or neither; `p` is 0 anyway.
      local ending = error or result
      save(job, 'f', now_text, ending and (error and 'err' or 'r') or 'p', ending or '0')
      call('ZADD', P .. state .. ':' .. job.queue, int(job.sequence), job.id)
    end
    if has_waiters then
      ended[#ended + 1] = job
    end
    if job.key and not holds then
      pass_turn(job)
    end
    if not job.is_deleted then
      retain(job, true)
    end
  end
  local finish = L.finish

  local function dependency_failed(id, state)
    return '{"code":"DEPENDENCY_FAILED","message":"The job ' .. id .. ' that this one depends on '
      .. (state == 'failed' and 'failed' or 'was cancelled') .. '."}'
  end

  local function tell(id, policy, job)
    if job.state == 'completed' then
      policy = 'r'
    end
    if policy == 'h' and not job.is_removed then
      return
    end
    local dependent = L.load(id)
    call('HSET', waiters_of(job.id), id, '-')
    dependent.pending = dependent.pending - 1
    if policy ~= 'r' then
      finish(dependent, 'cancelled', dependency_failed(job.id, job.state))
    else
      place(dependent)
    end
  end

  -- Tells dependents, theirs, and so on: a list instead of recursion, for chains of any length.
  function L.propagate()
    local index = 1
    while ended[index] do
      local job = ended[index]
      local waiters = call('HGETALL', waiters_of(job.id))
      for at = 1, #waiters, 2 do
        if waiters[at + 1] ~= '-' then
          tell(waiters[at], waiters[at + 1], job)
        end
      end
      if not job.is_removed then
        retain(job)
      end
      index = index + 1
    end
    ended = {}
  end

  -- Gives a job its first state. Answers nothing; `propagate` must follow.
  function L.enter(job, push_fresh)
    entering[job.id] = nil
    if job.deps then
      begin_reading(job)
      for index = 1, #job.deps, 2 do
        local id, policy = job.deps[index], job.deps[index + 1]
        local state = L.state_of(id)
        if state and state ~= 'completed' then
          if not is_terminal(state) then
            await(job, id, policy)
          elseif policy == 'h' and L.load(id) then
            await(job, id, policy)
          -- A hold on a job that only its tombstone remembers could never be released.
          elseif policy ~= 'r' then
            finish(job, 'cancelled', dependency_failed(id, state))
            return
          end
        end
      end
    end
    place(job, push_fresh)
  end

  -- Stands a new job in the line of its ordering key.
  function L.append_to_line(job)
    call('ZADD', line_of(job), int(job.sequence), job.id)
    call('HSETNX', P .. 'heads:' .. job.queue, job.key, job.id)
  end

  -- Voids the reservation of a held job and of those behind it, or all if it has the turn: these jobs just go
  -- on waiting.
  function L.break_run(job)
    if not job.key then
      return
    end
    local key = reserved_of(job)
    local ids = call('LRANGE', key, 0, -1)
    local first = 1
    if job.is_reserved then
      while ids[first] and ids[first] ~= job.id do
        first = first + 1
      end
    end
    if first > #ids then
      return
    end
    call('LTRIM', key, 0, first - 2)
    if first == 1 then
      call('DEL', key)
    end
    for index = first, #ids do
      local reserved = L.load(ids[index])
      call('ZREM', P .. 'leases', reserved.id)
      call('HDEL', P .. 'active', reserved.id)
      reserved.is_held = false
      reserved.is_reserved = false
      call('HSET', P .. 'state:' .. reserved.id, 'e', reserved.epoch)
      if reserved.is_cancelling then
        finish(reserved, 'cancelled', call('HGET', P .. 'state:' .. reserved.id, 'err') or nil)
        L.propagate()
      end
    end
  end

  -- Puts a job back that was active: at its old place now, or once `delay` has passed.
  function L.give_back(job, delay)
    L.break_run(job)
    job.is_held = false
    job.at = delay > 0 and now + delay or 0
    place(job)
  end

  -- Remembers an attempt that failed, the newest ten.
  function L.record_failure(job, error)
    local key = P .. 'failures:' .. job.id
    call('RPUSH', key, job.epoch .. ' ' .. job.started .. ' ' .. now .. ' ' .. error)
    call('LTRIM', key, -10, -1)
    job.has_state = true
  end

  -- Puts a reopened job back at its old place in its line. Unless a head has been let go already, the turn is
  -- then the first one's; it is answered when that is neither this job nor the head from before.
  local function reinsert(job)
    local line, heads = line_of(job), P .. 'heads:' .. job.queue
    local before = call('HGET', heads, job.key)
    call('ZADD', line, job.sequence, job.id)
    if before and before ~= job.id and L.load(before).state ~= 'blocked' then
      return nil
    end
    local head = call('ZRANGE', line, 0, 0)[1]
    call('HSET', heads, job.key, head)
    return head ~= job.id and head ~= before and head or nil
  end

  -- Opens a failed or cancelled job again, with fresh attempts.
  function L.reopen(job)
    unretain(job)
    job.epoch = job.epoch + 1
    job.attempt, job.stalls, job.bounces, job.at, job.pending = 0, 0, 0, 0, 0
    job.is_cancelling = false
    call('HDEL', P .. 'state:' .. job.id, 'err', 'r', 'prog', 'f', 'c', 'q')
    if job.deps then
      begin_reading(job)
      for index = 1, #job.deps, 2 do
        local dependency, policy = L.load(job.deps[index]), job.deps[index + 1]
        local state = dependency and dependency.state
        if state and state ~= 'completed' and not (is_terminal(state) and policy == 'r') then
          await(job, dependency.id, policy)
        end
      end
    end
    local earlier = job.key and reinsert(job)
    place(job)
    if earlier then
      place(L.load(earlier))
    end
  end

  -- Deletes a job that isn't active, leaving a tombstone. What waits for it is decided.
  function L.remove(job)
    job.is_removed = true
    if not is_terminal(job.state) then
      finish(job, 'cancelled', '{"code":"JOB_CANCELLED","message":"Removed."}')
    else
      ended[#ended + 1] = job
      if job.key and head_of(job) == job.id then
        pass_turn(job)
      end
    end
    if not job.is_deleted then
      unretain(job)
      forget(job)
    end
    L.propagate()
  end

  return L
end

local lifecycle
local function life()
  lifecycle = lifecycle or make_lifecycle()
  return lifecycle
end

-- The end of a step that may remove jobs. `tombs`: how many endings to remember.
local function bury_all(tombs)
  if lifecycle then
    lifecycle.flush_removals()
  end
  flush_buried(tombs)
end
