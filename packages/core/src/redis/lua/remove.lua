-- Deletes jobs, leaving tombstones. Their dependents are decided as if the jobs were cancelled.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 tombstones to keep, 2 the guard (see lib/operation.lua), 3 "force" to delete jobs that workers hold too, or
--        "", then the ids
-- Answer for each job "removed", "active", "other-state" or "unknown"
-- Cost   about ten commands per job, and as many per dependent
-- @import REMOVED_ERROR from engine/engine-errors
-- @include lib/drain
-- @include lib/leases
-- @include lib/lifecycle
-- @include lib/operation

return operate(ARGV[2], { unpack(ARGV, 4) }, function(job)
  local L = life()
  if job.is_held then
    if ARGV[3] ~= 'force' then
      return 'active'
    end
    -- Its worker is told to stop. Whatever that reports is stale.
    redis.pcall('PUBLISH', C .. 'wake:' .. string.match(job.token, '^[^.]+'), 'cancel ' .. job.id .. ' ' .. REMOVED_ERROR)
    L.break_run(job)
    if job.state == 'active' then
      unhold(job)
    end
  end
  if not job.is_deleted then
    L.remove(job)
  end
  return 'removed'
end)
