-- What was found damaged in the last hour, see lib/base.lua: the newest hundred.
--
-- KEYS   1 the namespace's prefix, 2 that of its channels
-- Answer "instant kind subject" of each, oldest first
-- Cost   one command
-- @include lib/time
-- @include lib/base

return call('LRANGE', P .. 'corrupt', 0, -1)
