-- What jobs of some messages have in common.
--
-- KEYS   1 the namespace's prefix
-- ARGV   the profiles' ids
-- Answer each as JSON
-- Cost   one command

return call('HMGET', P .. 'profiles', unpack(ARGV))
