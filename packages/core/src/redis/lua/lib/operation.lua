-- An operator's call on many jobs. `act(job)` answers the outcome of a stored job. Answers fewer outcomes than ids if
-- the step has used up its points: the rest needs another call.
-- @include lib/lifecycle
-- @include lib/step

local function operate(ids, act)
  local outcomes = {}
  for index, id in ipairs(ids) do
    if life().is_spent() then
      break
    end
    local job = life().load(id)
    outcomes[index] = job and act(job) or 'unknown'
  end
  end_step(tonumber(ARGV[1]), false)
  return outcomes
end
