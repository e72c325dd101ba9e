-- Moves jobs between states.
-- @import REMOVED_ERROR from engine/engine-errors
-- @include lib/lifecycle/cascade
-- @include lib/lifecycle/dedupe
-- @include lib/lifecycle/jobs
-- @include lib/lifecycle/lines
-- @include lib/lifecycle/readers
-- @include lib/lifecycle/retention
-- @include lib/lifecycle/root-cause
-- @include lib/lifecycle/runs
-- @include lib/lifecycle/waiters
-- @include lib/metrics
-- @include lib/tombs
-- @include lib/wake

-- Puts a job into the state that follows from what it waits for. `push_fresh`: collects new jobs that can run at once,
-- which the caller adds in batches; needed for new jobs only.
function place(job, push_fresh)
  local to
  if job.pending > 0 or (job.key and not has_turn(job)) then
    to = 'blocked'
    if job.state == to then
      unsaved[job.id] = job
      return
    end
  elseif job.at > now then
    to = 'scheduled'
    wake_one(job.queue)
  else
    to = 'queued'
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
    call('ZADD', P .. 'due', int(job.at), due_entry(job))
  end
  if to == 'queued' and now ~= job.created then
    save(job, 'q', now_text)
  else
    save(job)
  end
end

-- Ends a job. `error` and `result`: JSON text or nil. Call `propagate` afterwards, and remove a held job from `active`
-- before.
function finish(job, state, error, result)
  local holds = state == 'failed' and job.profile.h and job.key
  if holds then
    break_run(job)
  end
  tally(job.profile, state, 1)
  if job.state == 'active' then
    tally_time(job.profile, 'r', now - job.started)
  end
  job.pending = 0
  if job.has_deps then
    end_reading(job, state)
  end
  if job.has_dedupe then
    end_dedupe(job, state == 'completed')
  end
  leave(job)
  job.state = state
  job.is_held = false
  job.finished = now
  job.has_just_ended = true
  job.error = error
  emit_state(job, result, error)
  local is_read = has_waiters(job.id)
  if not is_read and not holds and keeps_none(job.profile, state) then
    job.is_deleted = true
    delete_job(job.id, job.profile, state, job.has_state)
  elseif state == 'completed' and not job.has_state then
    job.is_ended = true
    local alone = { profile_id = job.profile_id, profile = job.profile, started = int(job.started) }
    end_plain(job.id, alone, int(job.sequence), result)
  else
    if not error and job.has_state then
      call('HDEL', P .. 'state:' .. job.id, 'err')
    end
    -- A job ends with a result, an error or neither. Then `p` fills the place of a field: it is 0 anyway.
    local ending = error or result
    save(job, 'f', now_text, ending and (error and 'err' or 'r') or 'p', ending or '0')
    call('ZADD', P .. state .. ':' .. job.queue, int(job.sequence), job.id)
  end
  if is_read then
    start_cascade(job.id, state, job.queue, job)
  end
  local next_job = job.key and not holds and pass_turn(job)
  if next_job then
    place(next_job)
  end
  if not is_read then
    retain(job)
  end
end

-- Cancels a blocked job that a dependency's end has missed.
local function cancel_dependent(job, ended)
  decide(job.id, 'c', ended)
  propagate()
end

-- Ends a job that completed straight through, if it has readers. Answers whether it has.
local function complete_read(id, cohort, sequence, result)
  local text = text_of(id)
  if text == '' then
    return false
  end
  end_plain(id, cohort, sequence, result)
  local sole, letter = sole_of(text)
  if not sole or points <= 0 then
    start_cascade(id, 'completed', cohort.profile.q)
    propagate()
  elseif letter ~= '-' then
    decide(sole, letter, COMPLETED)
  end
  return true
end

-- Gives a new job its first state. Call `propagate` afterwards.
local function enter(job, push_fresh)
  entering[job.id] = nil
  local failed = job.has_deps and read_dependencies(job)
  if failed then
    local stored = load(failed)
    job.tail = stored and root_cause_tail(stored)
    finish(job, 'cancelled', dependency_failed(failed, state_of(failed), job.tail))
  else
    place(job, push_fresh)
  end
end

-- Puts an active job back: at its place in the order now, or after `delay`.
local function release(job, delay)
  break_run(job)
  job.is_held = false
  job.at = delay > 0 and now + delay or 0
  place(job)
end

-- Reopens a failed or cancelled job, with fresh attempts.
local function reopen(job)
  unretain(job)
  if has_waiters(job.id) then
    stop_cascade(job.id)
  end
  job.epoch = job.epoch + 1
  job.attempt, job.stalls, job.bounces, job.at, job.pending, job.started = 0, 0, 0, 0, 0, 0
  job.is_cancelling, job.has_just_ended = false, false
  call('HDEL', P .. 'state:' .. job.id, 'err', 'r', 'prog', 'f', 'c', 'q')
  if job.has_deps then
    points = points - #deps_of(job) / 2
    read_dependencies(job, true)
  end
  if job.has_dedupe then
    take_dedupe(job)
  end
  local earlier = job.key and reinsert(job)
  place(job)
  if earlier then
    place(earlier)
  end
end

-- Ends the waits for a finished job that is removed.
local function end_waiting(job)
  local cascade = cascade_of(job.id)
  if job.state ~= 'completed' then
    stop_cascade(job.id)
    -- Cached while the job is still stored.
    root_cause_tail(job)
    start_cascade(job.id, job.state, job.queue, job)
  elseif cascade then
    cascade.is_removed = true
    call('HSET', CASCADES, job.id, write_cascade(cascade))
  else
    -- Dependents of a completed job were released when it completed.
    remove_waiters(job.id)
  end
end

-- Deletes a job that isn't held, leaving a tombstone, and decides its dependents.
local function remove(job)
  job.is_removed = true
  if not is_terminal(job.state) then
    finish(job, 'cancelled', REMOVED_ERROR)
  else
    if has_waiters(job.id) then
      end_waiting(job)
    end
    if job.has_dedupe then
      end_dedupe(job, false)
    end
    local next_job = job.key and has_turn(job) and pass_turn(job)
    if next_job then
      place(next_job)
    end
  end
  if not job.is_deleted then
    -- Writes pending additions first, so that they can be removed.
    unretain(job)
    call('ZREM', P .. job.state .. ':' .. job.queue, job.id)
    job.is_deleted = true
    delete_job(job.id, job.profile, job.state, job.has_state, job.is_ended)
  end
  propagate()
end
