-- The readers of finished jobs. Retention spares a job until its last reader has ended.
-- @include lib/lifecycle/cascade
-- @include lib/lifecycle/dependents
-- @include lib/lifecycle/jobs
-- @include lib/lifecycle/lines
-- @include lib/lifecycle/retention
-- @include lib/lifecycle/waiters
-- @include lib/profiles
-- @include lib/tombs

-- Whether a finished job is still needed, so that retention must spare it.
local function is_pinned(job)
  return has_waiters(job.id) or (job.key and has_turn(job))
end

local function retain(job)
  if job.is_deleted or job.is_kept or is_pinned(job) then
    return
  end
  -- A job that ended before this step may be kept already.
  if job.finished ~= now or not job.has_just_ended then
    if call('ZSCORE', P .. 'kept:' .. kept_of(job.profile, job.state), entry_of(job)) then
      return
    end
  end
  keep(job)
end

-- Readers that one call looks at.
local MAX_LOST_READERS = 100

-- Drops readers that are no longer stored, whose end was never registered.
local function drop_lost_readers(job)
  if has_waiters(job.id) then
    for _, reader in ipairs(readers_of(job.id, MAX_LOST_READERS)) do
      if not load(reader) then
        remove_waiter(job.id, reader)
      end
    end
  end
end

-- Jobs with the same readers usually ended together.
local last_ended, last_profile

-- The same for a job that completed straight through before this step, from its text in `ended`.
local function retain_ended(id, ended)
  if ended ~= last_ended then
    last_ended, last_profile = ended, profile_of(string.match(ended, '^(%w+) %d+ %d+') or '')
  end
  if not last_profile then
    return mark_lost(id)
  end
  if keeps_none(last_profile, 'completed') then
    remove_later(last_profile.completed_key, id)
    delete_job(id, last_profile, 'completed', false, true)
  else
    local profile_id, finished = string.match(ended, '^(%w+) (%d+)')
    keep_entry(last_profile.kept_completed, ended_entry(profile_id, finished, id))
  end
end

-- Checked the first time only.
local call_ended = call

-- The last reader of these jobs has ended: retention may take those that are finished.
local function unpin(ids)
  local ended = call_ended('HMGET', P .. 'ended', unpack(ids))
  call_ended = call_unchecked
  for index = 1, #ids do
    local id = ids[index]
    local text = not jobs[id] and not deleted[id] and ended[index]
    local job = not text and load(id)
    if job and job.is_held and #ended_later > 0 then
      -- It may have completed straight through in this step.
      flush_changes()
      text = call_unchecked('HGET', P .. 'ended', id)
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

-- A job that read results has ended in this state. Jobs that it was the last reader of become subject to retention.
local function end_reading(job, state)
  local _, count = bound_of(job.profile, state)
  local ids = dependencies_of(job)
  points = points - #ids
  read_waiters(ids)
  local unread = {}
  for index = 1, #ids do
    local id = ids[index]
    if remove_waiter(id, job.id) then
      if count > 0 then
        note_dependent(id, job.id, true)
      end
      if not has_waiters(id) then
        unread[#unread + 1] = id
      end
    end
  end
  if #unread > 0 then
    unpin(unread)
  end
end

-- Registers a new or reopened job as a reader of its dependencies, and makes it wait for unfinished ones. Answers the
-- first dependency that has failed, so that the job can't run.
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
      if is_reopened then
        note_dependent(id, job.id, false)
      end
      if state and is_terminal(state) then
        unretain(stored)
      end
    end
    -- Without a stored job, nothing could ever release the hold.
    if not is_reopened and not must_wait and state and state ~= 'completed' and policy ~= 'r' then
      failed = failed or id
    end
  end
  return failed
end
