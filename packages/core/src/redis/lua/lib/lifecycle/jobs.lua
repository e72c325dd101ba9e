-- Reads and writes jobs, each at most once per step.
-- @include lib/events
-- @include lib/extras
-- @include lib/header
-- @include lib/held
-- @include lib/profiles
-- @include lib/tombs

-- The jobs of this step with their changes.
local jobs = {}
-- New jobs without a state yet.
local entering = {}
-- Contains most headers completely.
local HEADER_BYTES = 255

local function is_terminal(state)
  return state == 'completed' or state == 'failed' or state == 'cancelled'
end

-- Jobs whose key is missing or can't be read. They count as removed from now on; `settle_lost` does the rest.
local lost = {}

local function mark_lost(id)
  if not deleted[id] then
    deleted[id] = 'ca'
    if jobs[id] then
      jobs[id].is_deleted = true
    end
    lost[#lost + 1] = id
  end
  return nil
end

-- The values of most jobs.
local DEFAULTS = {
  __index = { priority = 0, epoch = 0, attempt = 0, stalls = 0, bounces = 0, pending = 0, at = 0 },
}

-- `extras`: decoded, or nil.
local function describe(id, profile_id, sequence, created, extras)
  local profile = profile_of(profile_id)
  if not profile then
    return mark_lost(id)
  end
  local job = setmetatable({
    id = id,
    profile_id = profile_id,
    profile = profile,
    queue = profile.q,
    sequence = tonumber(sequence),
    created = tonumber(created),
  }, DEFAULTS)
  if extras then
    job.priority = tonumber(extras.p)
    job.key = extras.o
    job.deps = extras.d
    job.has_deps = extras.d ~= nil
    job.has_dedupe = extras.w ~= nil
    job.dedupe = extras.w
  end
  jobs[id] = job
  return job
end

-- A job that completed straight through, from its text in `ended`: see `end_plain`.
local function read_ended(job, ended)
  local finished, started = string.match(ended, '^%w+ (%d+) (%d+)')
  if not finished then
    return mark_lost(job.id)
  end
  job.state = 'completed'
  job.is_ended = true
  job.epoch, job.attempt = 1, 1
  job.started, job.finished = tonumber(started), tonumber(finished)
  return job
end

local function number(text)
  return text and tonumber(text) or 0
end

local STATES = {
  blocked = true, scheduled = true, queued = true, active = true, completed = true, failed = true, cancelled = true,
}

local function read_state(job)
  local state = call('HMGET', P .. 'state:' .. job.id, 's', 'e', 'a', 't', 'b', 'at', 'p', 'st', 'f', 'c')
  job.has_state = state[1] ~= false
  local ended = not job.has_state and call('HGET', P .. 'ended', job.id)
  if ended then
    return read_ended(job, ended)
  end
  job.state = state[1] or 'queued'
  if not STATES[job.state] then
    return mark_lost(job.id)
  end
  job.epoch = number(state[2])
  job.attempt = number(state[3])
  job.stalls = number(state[4])
  job.bounces = number(state[5])
  job.at = number(state[6])
  job.pending = number(state[7])
  job.started = number(state[8])
  job.finished = is_terminal(job.state) and (state[9] and tonumber(state[9]) or now) or nil
  job.is_cancelling = state[10] ~= false
  return job
end

-- The dependencies of a job: ids and first letters of policies in turn. Read when needed, because there may be many.
local function deps_of(job)
  if not job.deps then
    job.deps = job.has_deps and (extras_of(job.id, '') or {}).d or {}
  end
  return job.deps
end

-- A held job, from its record.
local function load_held(id, record)
  local epoch, profile_id, sequence, started, attempt, stalls, bounces, priority, flags, token, key =
    string.match(record, HELD)
  local job = epoch and describe(id, profile_id, sequence, 0, nil)
  if not job then
    return mark_lost(id)
  end
  job.token = token
  job.flags = flags
  job.is_held = true
  job.is_reserved = string.find(flags, 'v', 1, true) ~= nil
  job.turn = not job.is_reserved
  job.state = job.is_reserved and 'blocked' or 'active'
  job.epoch = tonumber(epoch)
  job.started = tonumber(started)
  job.attempt = tonumber(attempt)
  job.stalls = tonumber(stalls)
  job.bounces = tonumber(bounces)
  job.priority = tonumber(priority)
  job.key = string.find(flags, 'k', 1, true) and key or nil
  job.has_deps = string.find(flags, 'd', 1, true) ~= nil
  job.has_dedupe = string.find(flags, 'w', 1, true) ~= nil
  job.is_cancelling = string.find(flags, 'c', 1, true) ~= nil
  job.has_state = string.find(flags, 'x', 1, true) ~= nil
  return job
end

-- The stored job, or nil, also for a job that this step has removed. `record`: its record if known.
local function load(id, record)
  local job = jobs[id]
  if job or deleted[id] then
    return job and not job.is_deleted and job or nil
  end
  record = record or call('HGET', P .. 'active', id)
  if record then
    return load_held(id, record)
  end
  local start = call('GETRANGE', JOB .. id, 0, HEADER_BYTES)
  if start == '' then
    return nil
  end
  local profile_id, sequence, created, flags = string.match(start, '^(%w+) (%d+) (%d+) %S+ (%S+)')
  if not flags then
    return mark_lost(id)
  end
  if flags ~= '-' and string.find(flags, VOID) then
    flags = flags == '=' and '-' or string.lower(flags)
  end
  local needs_extras = flags ~= '-' and flags ~= 'd'
  local extras = needs_extras and extras_of(id, start) or nil
  job = (extras or not needs_extras) and describe(id, profile_id, sequence, created, extras)
  if not job then
    return mark_lost(id)
  end
  job.has_deps = string.find(flags, 'd', 1, true) ~= nil
  return read_state(job)
end

-- The state of a job, stored or remembered; nil if the job is unknown.
local function state_of(id)
  local job = load(id)
  if job then
    -- A job that is being admitted has no state yet.
    return job.state or 'blocked'
  end
  local tomb = tomb_of(id)
  return tomb and ending_of(tomb) or nil
end

-- Jobs whose state is written at the end of the step, so that many changes cost one write.
local unsaved = {}

-- Writes the state of a job, and further fields and values.
local function save(job, ...)
  unsaved[job.id] = nil
  -- Most kept jobs ran once, straight through. Fields that are 0 are left out.
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

local function flush_unsaved()
  for id, job in pairs(unsaved) do
    if not job.is_deleted then
      save(job)
    end
  end
end

-- A scheduled job's entry in `due`. Redis orders entries of one instant by text, so it begins with the sequence, padded
-- to the digits of the largest: see `PRIORITY_STEP`.
local function due_entry(job)
  return string.format('%013d ', job.sequence) .. job.id
end

-- The lane of a job's message if its queue is split: see lib/lanes.lua.
local function lane_of(job)
  return job.queue .. '/' .. job.profile.kind
end

-- Whether a queued job may be in a fresh list, which is in send order.
local function may_be_in(name, job)
  local first = call('LINDEX', P .. 'fresh:' .. name, 0)
  local sequence = first and string.match(call('GETRANGE', JOB .. first, 0, 64), '^%w+ (%d+)')
  return first and (not sequence or tonumber(sequence) <= job.sequence)
end

local function may_be_fresh(job)
  return may_be_in(job.queue, job) or may_be_in(lane_of(job), job)
end

-- Removes a job from `ready:` of its queue or lane.
local function leave_ready(job)
  if call('ZREM', P .. 'ready:' .. job.queue, job.id) == 0 then
    call('ZREM', P .. 'ready:' .. lane_of(job), job.id)
  end
end

-- Queues by the names of fresh lists in which this step has left ghosts, if there are any.
local haunted
-- Entries that are looked at together, and how often a step does so at each end.
local GHOST_PAGE_SIZE = 100
local MAX_GHOST_PAGES = 50

-- Drops the ghosts at the ends of fresh lists, so that removing many jobs, from the oldest or the newest on, leaves none
-- that lists and claims have to pass.
local function drop_outer_ghosts()
  for name, queue in pairs(haunted) do
    local fresh, ghosts = P .. 'fresh:' .. name, P .. 'ghosts:' .. queue
    for side = 0, 1 do
      local n
      for _ = 1, MAX_GHOST_PAGES do
        n = 0
        local first = side == 0 and 0 or -GHOST_PAGE_SIZE
        local ids = call('LRANGE', fresh, first, first + GHOST_PAGE_SIZE - 1)
        local is_ghost = #ids > 0 and call('SMISMEMBER', ghosts, unpack(ids)) or {}
        while is_ghost[side == 0 and n + 1 or #ids - n] == 1 do
          n = n + 1
        end
        if n > 0 and side == 0 then
          call('LTRIM', fresh, n, -1)
          call('SREM', ghosts, unpack(ids, 1, n))
        elseif n > 0 then
          call('LTRIM', fresh, 0, -n - 1)
          call('SREM', ghosts, unpack(ids, #ids - n + 1))
        end
        if n < GHOST_PAGE_SIZE then
          break
        end
      end
    end
  end
  haunted = nil
end

-- Does so at the end of the step.
local function drop_ghosts(queue, name)
  haunted = haunted or {}
  haunted[name] = queue
end

-- Removes a job from the structures of its state. The structures of held jobs are left to the caller.
local function leave(job)
  local state, queue, id = job.state, job.queue, job.id
  if state == 'queued' then
    if call('ZREM', P .. 'queued:' .. queue, id) == 1 then
      leave_ready(job)
    elseif may_be_fresh(job) then
      local ghosts, fresh = P .. 'ghosts:' .. queue, P .. 'fresh:' .. queue
      call('SADD', ghosts, id)
      -- The mark stays: a fresh list never gets a second entry of a job.
      local value = not job.is_removed and call('GET', JOB .. id)
      local before, flag, after = string.match(value or '', '^(%w+ %d+ %d+ %S+ )(%S)(.*)$')
      if flag then
        call('SET', JOB .. id, before .. (flag == '-' and '=' or string.upper(flag)) .. after)
      end
      drop_ghosts(queue, queue)
      drop_ghosts(queue, lane_of(job))
      -- The ghosts of a split queue also stand for entries in its lanes.
      if call('SCARD', ghosts) == call('LLEN', fresh) and call('EXISTS', P .. 'lanes:' .. queue) == 0 then
        call('UNLINK', ghosts, fresh)
      end
    end
  elseif state and state ~= 'active' then
    call('ZREM', P .. state .. ':' .. queue, id)
    if state == 'scheduled' then
      call('ZREM', P .. 'due', due_entry(job))
    end
  end
end

local function emit_state(job, result, error)
  emit(job.state, job.id, job.queue, job.profile.m, job.epoch, result or false, error or false)
end
