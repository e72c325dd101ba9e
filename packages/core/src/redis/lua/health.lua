-- Checks that the server accepts writes, and answers the damage found in the last hour (see lib/base.lua).
--
-- KEYS   1 the prefix of the namespace's keys, 2 the prefix of its channels
-- Answer "instant kind subject" of each, oldest first
-- Cost   three commands

call_unchecked('SET', P .. 'nothing', '')
call_unchecked('DEL', P .. 'nothing')
return call('LRANGE', P .. 'corrupt', 0, -1)
