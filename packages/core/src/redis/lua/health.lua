-- Writes, so that whoever asks is refused where a send would be: by a full server, for example. Answers what was found
-- damaged in the last hour, see lib/base.lua: the newest hundred.
--
-- KEYS   1 the namespace's prefix, 2 that of its channels
-- Answer "instant kind subject" of each, oldest first
-- Cost   three commands

call_unchecked('SET', P .. 'nothing', '')
call_unchecked('DEL', P .. 'nothing')
return call('LRANGE', P .. 'corrupt', 0, -1)
