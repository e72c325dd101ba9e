-- Runs: jobs of one ordering key that one claim reserved together.
-- @include lib/claims
-- @include lib/lifecycle/cascade
-- @include lib/lifecycle/jobs
-- @include lib/lifecycle/lines

-- Cancels a job that was told to stop, with the stored reason.
local function finish_cancelling(job)
  finish(job, 'cancelled', call('HGET', P .. 'state:' .. job.id, 'err') or nil)
  propagate()
end

-- Ends the reservations of a reserved job and of those behind it, or of all jobs behind a head. They keep waiting.
local function break_run(job)
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
    -- An entry of a job that isn't reserved is void.
    if reserved and reserved.is_reserved then
      call('HDEL', P .. 'active', reserved.id)
      drop_from_claim(reserved.token, 1)
      local pending = call('HMGET', P .. 'state:' .. reserved.id, 'at', 'p', 'st')
      reserved.at, reserved.pending = number(pending[1]), number(pending[2])
      reserved.started = number(pending[3])
      reserved.is_held = false
      reserved.is_reserved = false
      call('HSET', P .. 'state:' .. reserved.id, 'e', int(reserved.epoch))
      if reserved.is_cancelling then
        finish_cancelling(reserved)
      end
    end
  end
end
