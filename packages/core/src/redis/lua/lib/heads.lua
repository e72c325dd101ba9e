-- The first jobs of a queue's structures, and how long they have been ready.

-- Max cancelled jobs that are skipped at the head of a list.
local MAX_SKIPPED = 10000

-- The first job of a list that isn't cancelled. `name`: a queue or one of its lanes.
local function first_fresh(queue, name)
  for first = 0, MAX_SKIPPED, CHUNK do
    local ids = call('LRANGE', P .. 'fresh:' .. name, first, first + CHUNK - 1)
    if #ids == 0 then
      return nil
    end
    local ghosts = call('EXISTS', P .. 'ghosts:' .. queue) == 1 and call('SMISMEMBER', P .. 'ghosts:' .. queue, unpack(ids))
    for index, id in ipairs(ids) do
      if not ghosts or ghosts[index] == 0 then
        return id
      end
    end
  end
end

-- Milliseconds since a queued job could run, and its profile's id; nil if it can't be read.
local function waited_of(id)
  local value = call('GETRANGE', JOB .. id, 0, 64)
  local profile_id, created = string.match(value, '^(%w+) %d+ (%d+) ')
  if not profile_id then
    return nil
  end
  return now - tonumber(call('HGET', P .. 'state:' .. id, 'q') or created), profile_id
end
