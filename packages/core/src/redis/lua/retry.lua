-- Reopens failed and cancelled jobs, with fresh attempts and a new epoch.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 tombstones to keep, 2 the guard (see lib/operation.lua), then the ids
-- Answer for each job "retried", "not-failed", "other-state" or "unknown"
-- Cost   about ten commands per job, and three per dependency
-- @include lib/drain
-- @include lib/lifecycle
-- @include lib/operation

return operate(ARGV[2], { unpack(ARGV, 3) }, function(job)
  if job.state ~= 'failed' and job.state ~= 'cancelled' then
    return 'not-failed'
  end
  life().reopen(job)
  return 'retried'
end)
