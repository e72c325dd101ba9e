-- Drops jobs that can't be read: they count as removed.
--
-- KEYS   1 the namespace's prefix, 2 that of its channels
-- ARGV   1 tombstones to remember, then the ids
-- Cost   some ten commands a queue for each job
-- @include lib/drain
-- @include lib/lifecycle
-- @include lib/step

for at = 2, #ARGV do
  life().mark_lost(ARGV[at])
end
end_step(tonumber(ARGV[1]), false)
return 1
