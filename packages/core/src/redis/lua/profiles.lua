-- Profiles by id.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   the ids
-- Answer each as JSON, or false
-- Cost   one command

return call('HMGET', P .. 'profiles', unpack(ARGV))
