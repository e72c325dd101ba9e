-- Wakes another engine: the one that was woken no longer waits.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the queue
-- Cost   about four commands, and three per lane of a split queue
-- @include lib/lanes
-- @include lib/wake

wake(ARGV[1], 1)
lanes().wake_all(ARGV[1])
flush_wakes(true)
return 1
