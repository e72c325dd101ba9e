-- Reopens failed and cancelled jobs, with fresh attempts and a new epoch.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 tombstones to remember, then the ids
-- Answer of each "retried", "not-failed" or "unknown"
-- Cost   some ten commands a job, and three a dependency
-- @include lib/drain
-- @include lib/lifecycle
-- @include lib/operation

return operate({ unpack(ARGV, 2) }, function(job)
  if job.state ~= 'failed' and job.state ~= 'cancelled' then
    return 'not-failed'
  end
  life().reopen(job)
  return 'retried'
end)
