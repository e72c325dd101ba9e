-- An operator's call on many jobs. `act(job)` answers the outcome of a stored job. `guard`: names of states, separated by
-- commas; jobs in other states are left as they are. It is "" for all. Answers fewer outcomes than ids if the step has
-- used up its points: the rest needs another call.
-- @include lib/lifecycle
-- @include lib/step

local function operate(guard, ids, act)
  local outcomes = {}
  local function is_guarded(job)
    return guard ~= '' and not string.find(',' .. guard .. ',', ',' .. job.state .. ',', 1, true)
  end
  for index, id in ipairs(ids) do
    if life().is_spent() then
      break
    end
    local job = life().load(id)
    outcomes[index] = not job and 'unknown' or is_guarded(job) and 'other-state' or act(job)
  end
  end_step(tonumber(ARGV[1]), false)
  return outcomes
end
