-- An operator's call on many jobs: `act(job)` answers the outcome of each that is stored.
local function operate(ids, act)
  local outcomes = {}
  for index, id in ipairs(ids) do
    local job = life().load(id)
    outcomes[index] = job and act(job) or 'unknown'
  end
  bury_all(tonumber(ARGV[1]))
  flush_tallies()
  flush_wakes(false)
  flush_events()
  return outcomes
end
