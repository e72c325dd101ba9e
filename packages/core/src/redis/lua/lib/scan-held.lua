-- Held jobs that one step looks at: there may be a hundred thousand.
local HELD_PAGE_SIZE = 1000

-- A page of held jobs, ids and records in turn, and where the next begins: "0" after the last. A job may come twice.
local function scan_held(cursor)
  local page = call('HSCAN', P .. 'active', cursor, 'COUNT', HELD_PAGE_SIZE)
  return page[2], page[1]
end
