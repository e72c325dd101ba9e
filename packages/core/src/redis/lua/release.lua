-- Gives claimed jobs back unrun, at their old place in the order. Stale ones are ignored.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 tombstones to remember; then of each: id, epoch, delay, 1 for a bounce or 0
-- Cost   some ten commands a job
-- @include lib/time
-- @include lib/base
-- @include lib/drain
-- @include lib/profiles
-- @include lib/metrics
-- @include lib/events
-- @include lib/wake
-- @include lib/tombs
-- @include lib/lifecycle
-- @include lib/held

for at = 2, #ARGV, 4 do
  local job = held(ARGV[at], ARGV[at + 1])
  if job then
    life().break_run(job)
  end
  if job and job.state == 'active' then
    free(job)
    job.attempt = job.attempt - 1
    if ARGV[at + 3] == '1' then
      job.bounces = job.bounces + 1
    end
    if job.is_cancelling then
      life().finish(job, 'cancelled', call('HGET', P .. 'state:' .. job.id, 'err') or nil)
      life().propagate()
    else
      life().give_back(job, tonumber(ARGV[at + 2]))
    end
  end
end
bury_all(tonumber(ARGV[1]))
flush_tallies()
flush_wakes(false)
flush_events()
return 1
