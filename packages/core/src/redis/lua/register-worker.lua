-- Adds a worker, or replaces what is known of it.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the worker's id, 2 milliseconds since its start, 3 its record as JSON
-- Cost   six commands
-- @include lib/drain
-- @include lib/workers

call('HSET', P .. 'workers', ARGV[1], int(now - tonumber(ARGV[2])) .. ' ' .. ARGV[3])
call('HDEL', P .. 'workers:running', ARGV[1])
keep_worker(ARGV[1])
return 1
