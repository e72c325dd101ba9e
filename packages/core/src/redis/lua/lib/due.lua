-- Continues pending cascades, then makes up to `limit` due jobs runnable, those of one instant in send order. Answers
-- how many.
-- @include lib/lifecycle

local function promote_due(limit)
  local due = call('ZRANGEBYSCORE', P .. 'due', '-inf', now_text, 'LIMIT', 0, limit + 1)
  local first = 1
  if due[1] == CASCADING then
    life().continue_pending()
    first = 2
  end
  local last = math.min(#due, first + limit - 1)
  for index = first, last do
    -- The id follows the sequence and a space: see `due_entry`.
    local id = string.sub(due[index], 15)
    local job = life().load(id)
    if job and job.state == 'scheduled' then
      life().place(job)
    else
      -- Its key is gone, or the state that says when it is due.
      call('ZREM', P .. 'due', due[index])
      if not job or not job.has_state then
        life().mark_lost(id)
      end
    end
  end
  return last - first + 1
end

-- For the end of a step: milliseconds until something may change without a new job, or -1. -1 if jobs were claimed, 0
-- if the inlet of a split queue has entries left.
local function next_in(claimed, is_unsorted)
  if #claimed > 0 then
    return -1
  elseif is_unsorted then
    return 0
  end
  local due = call('ZRANGE', P .. 'due', 0, 0, 'WITHSCORES')[2]
  local lease = call('ZRANGE', P .. 'leases', 0, 0, 'WITHSCORES')[2]
  -- `recover` handles expired leases, so claiming again wouldn't change anything.
  local next_one = math.min(
    due and math.max(0, tonumber(due) - now) or math.huge, lease and math.max(1, tonumber(lease) - now) or math.huge
  )
  return next_one == math.huge and -1 or next_one
end
