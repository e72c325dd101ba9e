-- Stops handing out a queue's jobs.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 the queue
-- Cost   three commands
-- @include lib/drain

call('SADD', P .. 'queues', ARGV[1])
return call('SADD', P .. 'paused', ARGV[1])
