-- Wakes another engine: the one that was woken didn't wait any more.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 the queue
-- Cost   some four commands, and three a lane of a split queue
-- @include lib/lanes
-- @include lib/wake

wake(ARGV[1], 1)
lanes().wake_all(ARGV[1])
flush_wakes(true)
return 1
