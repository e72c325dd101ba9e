-- The active jobs among held jobs (ids and records in turn) with a sequence below `before`, of some queues or all: their
-- sequences in ascending order, and their ids by sequence.
-- @include lib/profiles

-- The profile, sequence and start of a record: see lib/held.lua. Matching all its fields takes three times as long.
local HELD_START = '^%d+ (%w+) (%d+) (%d+) '

local function active_among(held, before, queues)
  local wanted
  for _, queue in ipairs(queues) do
    wanted = wanted or {}
    wanted[queue] = true
  end
  local sequences, ids = {}, {}
  for at = 1, #held, 2 do
    local profile_id, sequence, started = string.match(held[at + 1], HELD_START)
    sequence = tonumber(sequence)
    -- Reserved jobs haven't started, and count as blocked.
    if sequence and started ~= '0' and sequence < before then
      local profile = wanted and profile_of(profile_id)
      if not wanted or profile and wanted[profile.q] then
        sequences[#sequences + 1] = sequence
        ids[sequence] = held[at]
      end
    end
  end
  table.sort(sequences)
  return sequences, ids
end
