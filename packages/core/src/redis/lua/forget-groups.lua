-- Forgets failure groups.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   the fingerprints
-- Answer for each group 1, or 0 if there is none
-- Cost   two commands per group
-- @include lib/drain

local reply = {}
for index, fingerprint in ipairs(ARGV) do
  reply[index] = call('ZREM', P .. 'groups', fingerprint)
  call_unchecked('UNLINK', P .. 'group:' .. fingerprint, P .. 'grouped:' .. fingerprint)
end
return reply
