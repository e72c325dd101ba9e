-- The newest of a page of active jobs, for a list of more than one step looks at.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 where the page begins, 2 sequence to begin before, 3 most jobs, then the queues, or none for all
-- Answer {where the next page begins, or "0"; id and sequence of each, in turn, newest first}
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
