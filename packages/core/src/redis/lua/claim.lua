-- Leases up to `limit` runnable jobs, by queue as listed, then priority, then send order. Makes due jobs runnable
-- first.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 limit, 2 lease in milliseconds, 3 the claim's token, 4 max run of an ordering key, 5 what the worker
--        handles: " message:version message:version ", or "" for everything; then the queues
-- Answer {claimed, milliseconds until something may change if nothing was claimed, or -1}. `claimed` has id, counters
--        and value of each job in turn. Counters are "" for a first attempt, else "epoch attempt stalls bounces",
--        followed by "1" if the job is reserved behind the one before it.
-- Cost   a few commands per queue, each linear in the jobs; three more per job that ran before, two per reserved job
-- @include lib/drain
-- @include lib/claim-plain
-- @include lib/claim
-- @include lib/due
-- @include lib/step

local claimed, _, is_unsorted =
  claim({ unpack(ARGV, 6) }, tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5])
end_step(math.huge, true)
return { claimed, next_in(claimed, is_unsorted) }
