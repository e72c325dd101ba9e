-- Held jobs: found by their lease or claim, and given back.
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

-- Takes an active job out of what only active jobs stand in.
local function unhold(job)
  call('HDEL', P .. 'active', job.id)
  count_running(job.queue, -1)
  drop_from_claim(job.token, 1)
  job.is_held = false
end

-- Those of a page of held jobs that some claims hold, in send order, and where the next page begins. For rare
-- occasions: nothing but looking at all held jobs finds those of a claim.
local function held_by(tokens, cursor)
  local jobs = {}
  local page, next_cursor = scan_held(cursor)
  for at = 1, #page, 2 do
    local _, _, _, _, _, _, _, _, _, token = string.match(page[at + 1], HELD)
    if tokens[token or ''] then
      -- None when it can't be read.
      jobs[#jobs + 1] = life().load(page[at], page[at + 1])
    end
  end
  table.sort(jobs, function(a, b)
    return a.sequence < b.sequence
  end)
  return jobs, next_cursor
end

-- Gives a held job back unrun, or ends it if it was told to stop. Of a reserved one only the reservation goes.
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
    life().release(job, delay)
  end
end
