-- Leases up to `limit` runnable jobs: by queue as listed, then priority, then send order. Due jobs are made
-- runnable in passing.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 limit, 2 lease in milliseconds, 3 the claim's token, 4 longest run of an ordering key, 5 what the worker
--        handles: " message:version message:version ", or "" for everything; then the queues
-- Answer {claimed, milliseconds until something may change if nothing was claimed, or -1}; claimed: id, "" or "epoch attempt stalls bounces" (and "1" when it is reserved behind the one before it), value;
--        of each job in turn
-- Cost   a few commands a queue, each linear in the jobs; three more a job that ran before, two a reserved one
-- @include lib/drain
-- @include lib/claim
-- @include lib/step

local claimed, _, is_unsorted =
  claim({ unpack(ARGV, 6) }, tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5])
end_step(math.huge, true)
return { claimed, next_in(claimed, is_unsorted) }
