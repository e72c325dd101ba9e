-- Removes a worker that stops.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the worker's id
-- Cost   three commands
-- @include lib/workers

drop_workers({ ARGV[1] })
return 1
