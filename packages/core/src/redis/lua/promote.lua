-- Makes scheduled jobs due now.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 tombstones to remember, then the ids
-- Answer of each "promoted", "not-scheduled" or "unknown"
-- Cost   some ten commands a job
-- @include lib/drain
-- @include lib/lifecycle
-- @include lib/operation

return operate({ unpack(ARGV, 2) }, function(job)
  if job.state ~= 'scheduled' then
    return 'not-scheduled'
  end
  job.at = 0
  life().place(job)
  return 'promoted'
end)
