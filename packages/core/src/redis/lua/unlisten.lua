-- Drops a filter of events if no other engine listens to its channel.
--
-- KEYS   1 the prefix of the namespace's keys, 2 the prefix of its channels
-- ARGV   1 the filter
-- Cost   two commands
-- @include lib/drain

-- If the user may not ask, the filter expires with the others.
local listeners = redis.pcall('PUBSUB', 'NUMSUB', C .. 'events:' .. ARGV[1])
if not listeners.err and listeners[2] == 0 then
  call('SREM', P .. 'listeners', ARGV[1])
end
return 1
