-- Hands out the jobs of a queue again.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the queue
-- Cost   about four commands, and two per waiting engine
-- @include lib/drain
-- @include lib/lanes
-- @include lib/wake
-- @include lib/wake-waiting

call('SREM', P .. 'paused', ARGV[1])
call('SADD', P .. 'queues', ARGV[1])
wake(ARGV[1], MAX_WOKEN)
lanes().wake_all(ARGV[1])
flush_wakes(true)
return 1
