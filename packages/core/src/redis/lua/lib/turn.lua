-- Calls of one engine that store jobs come in the order in which they were sent. ARGV[1] is the engine's name, ARGV[2]
-- the number of this call, ARGV[3] that of the call before it if that is pending, else "".

-- A call that is pending for longer counts as lost: the call after it is repeated without it.
local CALL_LIFETIME = '60000'

local sent_key = P .. 'sent:' .. ARGV[1]
if ARGV[3] ~= '' and call('GET', sent_key) ~= ARGV[3] then
  return 'out of turn'
end
