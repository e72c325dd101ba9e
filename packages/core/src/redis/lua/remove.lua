-- Deletes jobs that no worker holds, leaving tombstones. What waits for one is decided as if it had been cancelled.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 tombstones to remember, then the ids
-- Answer of each "removed", "active" or "unknown"
-- Cost   some ten commands a job, and as many a dependent
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
