-- Makes scheduled jobs due now.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 tombstones to keep, 2 the guard (see lib/operation.lua), then the ids
-- Answer for each job "promoted", "not-scheduled", "other-state" or "unknown"
-- Cost   about ten commands per job
-- @include lib/drain
-- @include lib/lifecycle
-- @include lib/operation

return operate(ARGV[2], { unpack(ARGV, 3) }, function(job)
  if job.state ~= 'scheduled' then
    return 'not-scheduled'
  end
  job.at = 0
  life().place(job)
  return 'promoted'
end)
