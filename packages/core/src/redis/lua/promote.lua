-- Makes scheduled jobs due now.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 tombstones to remember, then the ids
-- Answer of each "promoted", "not-scheduled" or "unknown"
-- Cost   some ten commands a job
-- @include lib/time
-- @include lib/base
-- @include lib/drain
-- @include lib/profiles
-- @include lib/metrics
-- @include lib/events
-- @include lib/wake
-- @include lib/tombs
-- @include lib/claims
-- @include lib/lifecycle
-- @include lib/step
-- @include lib/operation

return operate({ unpack(ARGV, 2) }, function(job)
  if job.state ~= 'scheduled' then
    return 'not-scheduled'
  end
  job.at = 0
  life().place(job)
  return 'promoted'
end)
