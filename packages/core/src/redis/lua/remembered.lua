-- How removed jobs ended, by their tombstones.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   the ids
-- Answer for each job its tombstone (see lib/tombs.lua), or false
-- Cost   two commands

local young = call('HMGET', P .. 'tombs', unpack(ARGV))
local old = call('HMGET', P .. 'tombs:old', unpack(ARGV))
local reply = {}
for index = 1, #ARGV do
  reply[index] = young[index] or old[index]
end
return reply
