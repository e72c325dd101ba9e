-- Puts claimed jobs back unrun, at their place in the order. Ignores stale releases.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 tombstones to keep; then of each: id, epoch, token, delay, 1 for a bounce or 0
-- Answer how many were handled, from the first on: the rest needs another call
-- Cost   about ten commands per job
-- @include lib/drain
-- @include lib/leases
-- @include lib/lifecycle
-- @include lib/step

local n = 0
for at = 2, #ARGV, 5 do
  if life().is_spent() then
    break
  end
  n = n + 1
  local job = held(ARGV[at], ARGV[at + 1], ARGV[at + 2])
  if job then
    release_unrun(job, tonumber(ARGV[at + 3]), ARGV[at + 4] == '1')
  end
end
end_step(tonumber(ARGV[1]), false)
return n
