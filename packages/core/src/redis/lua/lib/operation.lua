-- An operator's call on many jobs: `act(job)` answers the outcome of each that is stored.
local function operate(ids, act)
  local outcomes = {}
  for index, id in ipairs(ids) do
    local job = life().load(id)
    outcomes[index] = job and act(job) or 'unknown'
  end
  end_step(tonumber(ARGV[1]), false)
  return outcomes
end
