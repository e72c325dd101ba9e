-- The newest active jobs on a page of held jobs. For lists of more jobs than one step reads.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the cursor of the page, 2 the sequence before which to begin, 3 max jobs, then the queues, or none for all
-- Answer {the next cursor, or "0"; id and sequence of each job in turn, newest first}
-- Cost   linear in the page
-- @include lib/active
-- @include lib/scan-held

local page, cursor = scan_held(ARGV[1])
local sequences, ids = active_among(page, tonumber(ARGV[2]), { unpack(ARGV, 4) })
local reply = {}
for index = #sequences, math.max(1, #sequences - tonumber(ARGV[3]) + 1), -1 do
  reply[#reply + 1] = ids[sequences[index]]
  reply[#reply + 1] = int(sequences[index])
end
return { cursor, reply }
