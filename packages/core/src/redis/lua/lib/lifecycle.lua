-- Moves jobs between states, the same way as memory/lifecycle.ts. A function, so that a script that needs none
-- of it doesn't make its closures.
local function make_lifecycle()
  -- @include lib/jobs
  -- @include lib/retention
  -- @include lib/lines
  -- @include lib/waiters
  -- @include lib/dedupe
  -- @include lib/root-cause

  -- What the parts below call of each other.
  local place, finish
  -- @include lib/cascade

  local L = {
    jobs = jobs,
    lose = lose,
    may_be_fresh = may_be_fresh,
    due_entry = due_entry,
    entering = entering,
    is_terminal = is_terminal,
    load = load,
    deps_of = deps_of,
    describe = describe,
    state_of = state_of,
    append_to_line = append_to_line,
    deduped_to = deduped_to,
    take_dedupe = take_dedupe,
    trim = trim,
    has_kept = has_kept,
    keep_plain = keep_plain,
    flush_begun = flush_begun,
    read_waiters = read_waiters,
    has_waiters = has_waiters,
    letter_of = letter_of,
    set_waiter = set_waiter,
    waiting_behind = waiting_behind,
    cascade_of = cascade_of,
    propagate = propagate,
    go_on_pending = go_on_pending,
  }

  -- Whether this step has done as much as one may: what is left is for another.
  function L.is_spent()
    return points <= 0
  end

  -- Whether this step leaves dependents to later ones.
  function L.is_left()
    return is_left
  end

  function L.flush()
    L.settle_lost()
    flush_cascades()
    flush_changes()
    flush_unsaved()
    flush_waiters()
  end

  -- The state of a job that waits for a worker, by what it still waits for. New jobs that can run at once are
  -- pushed by the caller, in batches, if it gives a function for that.
  function L.place(job, push_fresh)
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
  place = L.place

  -- Whether something still needs a finished job where it is, so that no trimming may take it.
  function L.is_pinned(job)
    return has_waiters(job.id) or (job.key and has_turn(job))
  end

  local function retain(job)
    if job.is_deleted or job.is_kept or L.is_pinned(job) then
      return
    end
    -- One that ended before this step may be kept already.
    if job.finished ~= now or not job.has_just_ended then
      if call('ZSCORE', P .. 'kept:' .. kept_of(job.profile, job.state), entry_of(job)) then
        return
      end
    end
    keep(job)
  end

  L.retain = retain

  -- Readers that aren't stored any more: nobody said that they ended.
  function L.drop_lost_readers(job)
    if has_waiters(job.id) then
      for _, reader in ipairs(readers_of(job.id)) do
        if not load(reader) then
          remove_waiter(job.id, reader)
        end
      end
    end
  end

  -- Siblings nearly always ended together.
  local last_ended, last_profile

  -- The same for one that completed straight through before this step, by what `ended` says of it.
  local function retain_ended(id, ended)
    if ended ~= last_ended then
      last_ended, last_profile = ended, profile_of(string.match(ended, '^(%w+) %d+ %d+') or '')
    end
    if not last_profile then
      return lose(id)
    end
    if keeps_none(last_profile, 'completed') then
      remove_later(last_profile.completed_key, id)
      bury(id, last_profile, 'completed', false, true)
    else
      local profile_id, finished = string.match(ended, '^(%w+) (%d+)')
      keep_entry(last_profile.kept_completed, ended_entry(profile_id, finished, id))
    end
  end

  -- How `ended` is read: with a check the first time only.
  local call_ended = call

  -- Nobody reads these jobs any more: retention may take those that are finished.
  local function unpin(ids)
    local ended = call_ended('HMGET', P .. 'ended', unpack(ids))
    call_ended = call_sure
    for index = 1, #ids do
      local id = ids[index]
      local text = not jobs[id] and not buried[id] and ended[index]
      local job = not text and load(id)
      if job and job.is_held and #ended_later > 0 then
        -- It may have completed straight through in this step.
        flush_changes()
        text = call_sure('HGET', P .. 'ended', id)
        jobs[id] = not text and job or nil
      end
      if text then
        retain_ended(id, text)
      elseif job and job.state and is_terminal(job.state) then
        retain(job)
      end
    end
  end

  local function dependencies_of(job)
    local deps, ids = deps_of(job), {}
    for index = 1, #deps, 2 do
      ids[#ids + 1] = deps[index]
    end
    return ids
  end

  -- One that read finished jobs' results has ended: those of which it was the last reader are for retention.
  local function end_reading(job)
    local ids = dependencies_of(job)
    points = points - #ids
    read_waiters(ids)
    local unread = {}
    for index = 1, #ids do
      local id = ids[index]
      if remove_waiter(id, job.id) and not has_waiters(id) then
        unread[#unread + 1] = id
      end
    end
    if #unread > 0 then
      unpin(unread)
    end
  end

  -- Ends a job; `propagate` must follow. `error` and `result` are JSON text or nil. A held job must have been let
  -- go.
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
    if job.has_deps then
      end_reading(job)
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
      bury(job.id, job.profile, state, job.has_state)
    elseif state == 'completed' and not job.has_state then
      job.is_ended = true
      local alone = { profile_id = job.profile_id, profile = job.profile, started = int(job.started) }
      end_plain(job.id, alone, int(job.sequence), result)
    else
      if not error and job.has_state then
        call('HDEL', P .. 'state:' .. job.id, 'err')
      end
      -- A job ends with a result, an error or neither; `p` is 0 anyway.
      local ending = error or result
      save(job, 'f', now_text, ending and (error and 'err' or 'r') or 'p', ending or '0')
      call('ZADD', P .. state .. ':' .. job.queue, int(job.sequence), job.id)
    end
    if is_read then
      begin_cascade(job.id, state, job.queue, job)
    end
    local next_job = job.key and not holds and pass_turn(job)
    if next_job then
      place(next_job)
    end
    if not is_read then
      retain(job)
    end
  end
  finish = L.finish

  -- Begins to read what a new or reopened job depends on, and to wait for what it must. Answers the first that
  -- has failed already, so that the job can't run.
  local function read_dependencies(job, is_reopened)
    local failed
    read_waiters(dependencies_of(job))
    local deps = deps_of(job)
    for index = 1, #deps, 2 do
      local id, policy = deps[index], deps[index + 1]
      local stored = load(id)
      local state = stored and stored.state or state_of(id)
      local must_wait = stored and state ~= 'completed'
        and (not is_terminal(state) or policy == 'h' or (is_reopened and policy ~= 'r'))
      if stored then
        local waits = must_wait and not failed
        local cascade = waits and is_terminal(state) and cascade_of(id)
        if cascade then
          set_later_waiter(id, job.id, policy, cascade.last)
        else
          set_waiter(id, job.id, waits and policy or '-')
        end
        if waits then
          job.pending = job.pending + 1
        end
        if state and is_terminal(state) then
          unretain(stored)
        end
      end
      -- A hold on a job that only its tombstone remembers could never be released.
      if not is_reopened and not must_wait and state and state ~= 'completed' and policy ~= 'r' then
        failed = failed or id
      end
    end
    return failed
  end

  -- Cancels a blocked job whose dependency's end has passed it by.
  function L.cancel_dependent(job, ended)
    decide(job.id, 'c', ended)
    propagate()
  end

  -- The end of a job that completed straight through, with others waiting for it. Answers whether there are any.
  function L.complete_read(id, cohort, sequence, result)
    local text = text_of(id)
    if text == '' then
      return false
    end
    end_plain(id, cohort, sequence, result)
    local sole, letter = sole_of(text)
    if not sole or points <= 0 then
      begin_cascade(id, 'completed', cohort.profile.q)
      propagate()
    elseif letter ~= '-' then
      decide(sole, letter, COMPLETED)
    end
    return true
  end

  -- Gives a job its first state; `propagate` must follow.
  function L.enter(job, push_fresh)
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

  -- Cancels a job that was told to stop, with the reason that it was told.
  function L.cancel_told(job)
    finish(job, 'cancelled', call('HGET', P .. 'state:' .. job.id, 'err') or nil)
    propagate()
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
    if first == 1 then
      call('DEL', key)
    else
      call('LTRIM', key, 0, first - 2)
    end
    for index = first, #ids do
      local reserved = load(ids[index])
      -- The entry of one that isn't reserved is nobody's.
      if reserved and reserved.is_reserved then
        call('HDEL', P .. 'active', reserved.id)
        let_go(reserved.token, 1)
        local pending = call('HMGET', P .. 'state:' .. reserved.id, 'at', 'p', 'st')
        reserved.at, reserved.pending = number(pending[1]), number(pending[2])
        reserved.started = number(pending[3])
        reserved.is_held = false
        reserved.is_reserved = false
        call('HSET', P .. 'state:' .. reserved.id, 'e', int(reserved.epoch))
        if reserved.is_cancelling then
          L.cancel_told(reserved)
        end
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
    call('RPUSH', key, int(job.epoch) .. ' ' .. int(job.started) .. ' ' .. now_text .. ' ' .. error)
    call('LTRIM', key, -10, -1)
    job.has_state = true
  end

  -- Opens a failed or cancelled job again, with fresh attempts.
  function L.reopen(job)
    unretain(job)
    if has_waiters(job.id) then
      stop_cascade(job.id)
    end
    job.epoch = job.epoch + 1
    job.attempt, job.stalls, job.bounces, job.at, job.pending = 0, 0, 0, 0, 0
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

  -- Nobody can wait for a finished job any more that is removed.
  local function end_waiting(job)
    local cascade = cascade_of(job.id)
    if job.state ~= 'completed' then
      stop_cascade(job.id)
      -- Read while it is there.
      root_cause_tail(job)
      begin_cascade(job.id, job.state, job.queue, job)
    elseif cascade then
      cascade.is_removed = true
      call('HSET', CASCADES, job.id, write_cascade(cascade))
    else
      -- Those who waited for one that completed were released then.
      remove_waiters(job.id)
    end
  end

  -- Deletes a job that isn't held, leaving a tombstone. What waits for it is decided.
  function L.remove(job)
    job.is_removed = true
    if not is_terminal(job.state) then
      finish(job, 'cancelled', '{"code":"JOB_CANCELLED","message":"Removed."}')
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
      -- It writes what this step has to add, before it is taken out again.
      unretain(job)
      call('ZREM', P .. job.state .. ':' .. job.queue, job.id)
      job.is_deleted = true
      bury(job.id, job.profile, job.state, job.has_state, job.is_ended)
    end
    propagate()
  end

  -- @include lib/lost
  return L
end

local lifecycle
local function life()
  lifecycle = lifecycle or make_lifecycle()
  return lifecycle
end
