-- Removes jobs that can't be read.
--
-- KEYS   1 the prefix of the namespace's keys, 2 the prefix of its channels
-- ARGV   1 tombstones to keep, then the ids
-- Cost   about ten commands per queue for each job
-- @include lib/drain
-- @include lib/lifecycle
-- @include lib/step

for at = 2, #ARGV do
  life().mark_lost(ARGV[at])
end
end_step(tonumber(ARGV[1]), false)
return 1
