-- Held jobs: finds them by lease or claim, and releases them.
-- @include lib/claims
-- @include lib/held
-- @include lib/lifecycle
-- @include lib/scan-held

-- The job that a lease holds, active or reserved, or nil.
local function held(id, epoch, token)
  local record = call('HGET', P .. 'active', id)
  local own_epoch, _, _, _, _, _, _, _, _, own = string.match(record or '', HELD)
  if own_epoch ~= epoch or not is_of_claim(own, token) then
    return nil
  end
  return life().load(id, record)
end

-- Removes an active job from the structures of held jobs.
local function unhold(job)
  call('HDEL', P .. 'active', job.id)
  count_running(job.queue, -1)
  drop_from_claim(job.token, 1)
  job.is_held = false
end

-- The jobs on a page of held jobs that these claims hold, in send order, and the next cursor. For rare cases: only a
-- scan of all held jobs finds those of a claim.
local function held_by(tokens, cursor)
  local jobs = {}
  local page, next_cursor = scan_held(cursor)
  for at = 1, #page, 2 do
    local _, _, _, _, _, _, _, _, _, token = string.match(page[at + 1], HELD)
    if tokens[token or ''] then
      -- Nil if it can't be read.
      jobs[#jobs + 1] = life().load(page[at], page[at + 1])
    end
  end
  table.sort(jobs, function(a, b)
    return a.sequence < b.sequence
  end)
  return jobs, next_cursor
end

-- Releases a held job, or ends it if it was told to stop. Of a reserved job only the reservation ends.
local function release_unrun(job, delay, is_bounce)
  life().break_run(job)
  if job.state ~= 'active' then
    return
  end
  unhold(job)
  job.attempt = job.attempt - 1
  if is_bounce then
    job.bounces = job.bounces + 1
  end
  if job.is_cancelling then
    life().finish_cancelling(job)
  else
    job.started = 0
    life().release(job, delay)
  end
end
