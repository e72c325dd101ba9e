-- The job that a lease holds, active or reserved, or nil.
local function held(id, epoch)
  local record = call('HGET', P .. 'active', id)
  if not record or string.match(record, '^%d+') ~= epoch then
    return nil
  end
  return life().load(id)
end

-- Takes an active job out of what only active jobs stand in: the first writes of its step, and removals.
local function free(job)
  call('ZREM', P .. 'leases', job.id)
  call('HDEL', P .. 'active', job.id)
  call('HINCRBY', P .. 'running', job.queue, -1)
  job.is_held = false
end
