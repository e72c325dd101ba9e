-- How many jobs are in the fresh lists of a queue.

-- Those in the list of the queue and in those of its lanes, without void entries. Not below 0, even if a list was deleted.
-- `kinds`: of its lanes.
local function count_fresh(queue, kinds)
  local entries = call('LLEN', P .. 'fresh:' .. queue)
  for _, kind in ipairs(kinds) do
    entries = entries + call('LLEN', P .. 'fresh:' .. queue .. '/' .. kind)
  end
  return math.max(0, entries - call('SCARD', P .. 'ghosts:' .. queue))
end
