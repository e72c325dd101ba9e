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
-- @include lib/claims
-- @include lib/lifecycle
-- @include lib/step
-- @include lib/held

local tokens = {}
for at = 2, #ARGV do
  tokens[ARGV[at]] = true
end
local n = 0
for _, job in ipairs(held_by(tokens)) do
  if job.is_held then
    give_back_unrun(job, 0, false)
    n = n + 1
  end
end
end_step(tonumber(ARGV[1]), false)
return n
