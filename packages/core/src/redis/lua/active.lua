-- The newest active jobs on a page of held jobs. For lists of more jobs than one step reads.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the cursor of the page, 2 the sequence before which to begin, 3 max jobs, then the queues, or none for all
-- Answer {the next cursor, or "0"; id and sequence of each job in turn, newest first}
-- Cost   linear in the page
-- @include lib/active
-- @include lib/scan-held

local page, cursor = scan_held(ARGV[1])
local found = active_among(page, tonumber(ARGV[2]), { unpack(ARGV, 4) })
table.sort(found, function(a, b)
  return a.sequence > b.sequence
end)
local reply = {}
for index = 1, math.min(#found, tonumber(ARGV[3])) do
  reply[2 * index - 1], reply[2 * index] = found[index].id, int(found[index].sequence)
end
return { cursor, reply }
