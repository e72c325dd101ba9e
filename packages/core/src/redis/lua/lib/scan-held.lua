-- Held jobs that one step reads: there may be a hundred thousand.
local HELD_PAGE_SIZE = 1000

-- A page of held jobs, ids and records in turn, and the next cursor: "0" after the last page. A job may be on two
-- pages.
local function scan_held(cursor)
  local page = call('HSCAN', P .. 'active', cursor, 'COUNT', HELD_PAGE_SIZE)
  return page[2], page[1]
end
