-- Gives back what a claim took whose answer never arrived: nobody runs it.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 tombstones to remember, 2 where a page of held jobs begins; then the claims' tokens
-- Answer where the next page begins, or "0" after the last
-- Cost   linear in the page, and some ten commands a job; after a lost connection only
-- @include lib/drain
-- @include lib/leases
-- @include lib/lifecycle
-- @include lib/step

local tokens = {}
for at = 3, #ARGV do
  tokens[ARGV[at]] = true
end
local jobs, cursor = held_by(tokens, ARGV[2])
for _, job in ipairs(jobs) do
  if life().is_spent() then
    -- The same page again: these are no longer in it.
    cursor = ARGV[2]
    break
  end
  if job.is_held then
    release_unrun(job, 0, false)
  end
end
end_step(tonumber(ARGV[1]), false)
return cursor
