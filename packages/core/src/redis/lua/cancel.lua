-- Cancels jobs. An active job is marked, and the worker that runs it is told to stop.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 tombstones to keep, 2 the guard (see lib/operation.lua), 3 the error as JSON, then the ids
-- Answer for each job "cancelled", "cancelling", "finished", "other-state" or "unknown"
-- Cost   about ten commands per job, and a message to the engine that holds it
-- @include lib/drain
-- @include lib/held
-- @include lib/lifecycle
-- @include lib/operation

return operate(ARGV[2], { unpack(ARGV, 4) }, function(job)
  local L = life()
  if L.is_terminal(job.state) then
    return 'finished'
  end
  if not job.is_held then
    L.finish(job, 'cancelled', ARGV[3])
    L.propagate()
    return 'cancelled'
  end
  call('HSET', P .. 'state:' .. job.id, 'c', 1, 'err', ARGV[3])
  -- A token begins with the name of the engine that made the claim.
  redis.pcall('PUBLISH', C .. 'wake:' .. string.match(job.token, '^[^.]+'), 'cancel ' .. job.id .. ' ' .. ARGV[3])
  if not job.is_cancelling then
    job.is_cancelling = true
    call('HSET', P .. 'active', job.id, alter_held(call('HGET', P .. 'active', job.id), 'cx'))
  end
  return 'cancelling'
end)
