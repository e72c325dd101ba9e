-- Gives back what a claim took whose answer never arrived: nobody runs it.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 tombstones to remember; then the claims' tokens
-- Answer how many jobs
-- Cost   linear in all active jobs; after a lost connection only
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

local tokens = {}
for at = 2, #ARGV do
  tokens[ARGV[at]] = true
end
local active = call('HGETALL', P .. 'active')
local n = 0
for at = 1, #active, 2 do
  if tokens[string.match(active[at + 1], '%S+$')] then
    local job = held(active[at], string.match(active[at + 1], '^%d+'))
    if job then
      life().break_run(job)
    end
    if job and job.state == 'active' then
      free(job)
      job.attempt = job.attempt - 1
      if job.is_cancelling then
        life().finish(job, 'cancelled', call('HGET', P .. 'state:' .. job.id, 'err') or nil)
        life().propagate()
      else
        life().give_back(job, 0)
      end
    end
    n = n + 1
  end
end
bury_all(tonumber(ARGV[1]))
flush_tallies()
flush_wakes(false)
flush_events()
return n
