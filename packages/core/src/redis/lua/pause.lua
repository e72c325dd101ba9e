-- Stops handing out the jobs of a queue.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the queue
-- Cost   three commands
-- @include lib/drain

call('SADD', P .. 'queues', ARGV[1])
return call('SADD', P .. 'paused', ARGV[1])
