-- The lines of ordering keys: unfinished jobs of a key in send order. The head has the turn and keeps it through delays
-- and retries until it ends. A failed head that holds its key keeps it until an operator acts.
-- @include lib/claims
-- @include lib/held
-- @include lib/lifecycle/jobs
-- @include lib/lifecycle/retention
-- @include lib/metrics

local function heads_of(job)
  return P .. 'heads:' .. job.queue
end

local function line_of(job)
  return P .. 'line:' .. job.queue .. ':' .. job.key
end

-- Jobs of the line that are reserved for the claim of its head, in the order of their turns.
local function reserved_of(job)
  return P .. 'reserved:' .. job.queue .. ':' .. job.key
end

-- Cached: whoever gives or takes the turn updates it.
local function has_turn(job)
  if job.turn == nil then
    job.turn = call('HGET', heads_of(job), job.key) == job.id
  end
  return job.turn
end

-- Adds a new job to the line of its ordering key.
local function append_to_line(job)
  call('ZADD', line_of(job), int(job.sequence), job.id)
  job.turn = call('HSETNX', heads_of(job), job.key, job.id) == 1
end

-- Reserved jobs that started in this step. `flush_started` writes their records.
local started = {}

local function start_reserved(job)
  remove_later(P .. 'blocked:' .. job.queue, job.id)
  job.state = 'active'
  job.is_reserved = false
  job.attempt = job.attempt + 1
  job.started = now
  -- Not counted as running yet.
  job.has_just_started = true
  started[#started + 1] = job
  tally_time(job.profile, 'w', 0)
  emit_state(job)
end

-- Writes the records of jobs that started in this step, except those that also ended in it, as most do.
local function flush_started()
  for _, job in ipairs(started) do
    if job.state == 'active' then
      call('HSET', P .. 'active', job.id, write_held(
        int(job.epoch), job.profile_id, int(job.sequence), now_text, job.attempt, job.stalls, job.bounces, job.priority,
        string.gsub(job.flags, 'v', ''), job.token, job.key
      ))
      count_running(job.queue, 1)
    end
  end
  started = {}
end

-- Removes a job from its line. If it had the turn, passes that to the next job, and answers that job if it has to be
-- placed.
local function pass_turn(job)
  local had_turn = has_turn(job)
  call('ZREM', line_of(job), job.id)
  if not had_turn then
    return nil
  end
  job.turn = false
  local reserved_id, next_id, next_job
  repeat
    reserved_id = call('LPOP', reserved_of(job))
    next_id = reserved_id or call('ZRANGE', line_of(job), 0, 0)[1]
    if not next_id then
      call('HDEL', heads_of(job), job.key)
      return nil
    end
    next_job = load(next_id)
    if next_job and next_job.state == 'queued' and not next_job.has_state and not reserved_id then
      -- Its `state:` hash is lost, and with it whether it waits for dependencies too.
      next_job.state = 'blocked'
      next_job = not next_job.has_deps and next_job or nil
    end
    if not next_job then
      call('ZREM', line_of(job), next_id)
      mark_lost(next_id)
    end
  until next_job
  call('HSET', heads_of(job), job.key, next_id)
  next_job.turn = true
  if reserved_id and next_job.is_reserved then
    start_reserved(next_job)
    return nil
  end
  -- A job of the batch being admitted is placed later, after its own dependencies.
  return not entering[next_id] and next_job or nil
end

-- Puts a reopened job back at its place in its line. If the head is still blocked, the first job then gets the turn.
-- Answers that job if it is neither this one nor the previous head.
local function reinsert(job)
  local before = call('HGET', heads_of(job), job.key)
  local holder = before and load(before)
  call('ZADD', line_of(job), int(job.sequence), job.id)
  if holder and holder ~= job and holder.state ~= 'blocked' then
    job.turn = false
    return nil
  end
  local head = call('ZRANGE', line_of(job), 0, 0)[1]
  while not load(head) do
    call('ZREM', line_of(job), head)
    mark_lost(head)
    head = call('ZRANGE', line_of(job), 0, 0)[1]
  end
  call('HSET', heads_of(job), job.key, head)
  job.turn = nil
  load(head).turn = nil
  if holder then
    holder.turn = nil
  end
  return head ~= job.id and head ~= before and load(head) or nil
end
