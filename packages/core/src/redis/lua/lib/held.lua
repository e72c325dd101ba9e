-- The job that a lease holds, active or reserved, or nil.
local function held(id, epoch)
  local record = call('HGET', P .. 'active', id)
  if not record or string.match(record, '^%d+') ~= epoch then
    return nil
  end
  return life().load(id, record)
end

-- Takes an active job out of what only active jobs stand in.
local function free(job)
  call('HDEL', P .. 'active', job.id)
  call('HINCRBY', P .. 'running', job.queue, -1)
  let_go(job.token, 1)
  job.is_held = false
end

-- The jobs that some claims hold, in send order. For rare occasions: it looks at all held jobs.
local function held_by(tokens)
  local jobs = {}
  local active = call('HGETALL', P .. 'active')
  for at = 1, #active, 2 do
    if tokens[string.match(active[at + 1], '^%S+ %S+ %S+ %S+ %S+ %S+ %S+ %S+ %S+ (%S+)')] then
      jobs[#jobs + 1] = life().load(active[at], active[at + 1])
    end
  end
  table.sort(jobs, function(a, b)
    return a.sequence < b.sequence
  end)
  return jobs
end

-- Gives a held job back unrun, or ends it if it was told to stop. Of a reserved one only the reservation goes.
local function give_back_unrun(job, delay, is_bounce)
  life().break_run(job)
  if job.state ~= 'active' then
    return
  end
  free(job)
  job.attempt = job.attempt - 1
  if is_bounce then
    job.bounces = job.bounces + 1
  end
  if job.is_cancelling then
    life().cancel_told(job)
  else
    life().give_back(job, delay)
  end
end
