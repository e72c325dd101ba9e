-- The active jobs among held jobs (ids and records in turn) with a sequence below `before`, of some queues or all.
-- @include lib/held
-- @include lib/profiles

local function active_among(held, before, queues)
  local wanted, found = {}, {}
  for _, queue in ipairs(queues) do
    wanted[queue] = true
  end
  for at = 1, #held, 2 do
    local _, profile_id, sequence, started = string.match(held[at + 1], HELD)
    -- Reserved jobs haven't started, and count as blocked.
    local profile = started and started ~= '0' and profile_of(profile_id)
    if profile and tonumber(sequence) < before and (#queues == 0 or wanted[profile.q]) then
      found[#found + 1] = { id = held[at], sequence = tonumber(sequence) }
    end
  end
  return found
end
