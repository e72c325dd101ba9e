-- Releases the jobs of claims whose reply was lost: nobody runs them.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 tombstones to keep, 2 the cursor of a page of held jobs, then the claims' tokens
-- Answer the next cursor, or "0" after the last page
-- Cost   linear in the page, and about ten commands per job; only after a lost connection
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
    -- The same page again: the jobs done so far are no longer on it.
    cursor = ARGV[2]
    break
  end
  if job.is_held then
    release_unrun(job, 0, false)
  end
end
end_step(tonumber(ARGV[1]), false)
return cursor
