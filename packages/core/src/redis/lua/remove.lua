-- Deletes jobs that no worker holds, leaving tombstones. Their dependents are decided as if the jobs were cancelled.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 tombstones to keep, then the ids
-- Answer for each job "removed", "active" or "unknown"
-- Cost   about ten commands per job, and as many per dependent
-- @include lib/drain
-- @include lib/lifecycle
-- @include lib/operation

return operate({ unpack(ARGV, 2) }, function(job)
  if job.is_held then
    return 'active'
  end
  life().remove(job)
  return 'removed'
end)
