-- More engines at once would compete for the jobs of the first ones.
local MAX_WOKEN = 64

-- Wakes up to `n` waiting engines, the longest waiting first. A member of `idle:` is an engine's name and what it
-- handles, which is "" for everything.
local function wake_waiting(queue, n)
  local idle = P .. 'idle:' .. queue
  for _ = 1, math.min(n, MAX_WOKEN) do
    local is_received
    repeat
      local waiting = call('ZPOPMIN', idle)
      if #waiting == 0 then
        return
      end
      -- An engine that died or lost its connection doesn't receive it. Then the next one is woken.
      is_received = tonumber(waiting[2]) >= now
        and redis.pcall('PUBLISH', C .. 'wake:' .. string.match(waiting[1], '^%S*'), 'wake ' .. queue) ~= 0
    until is_received
  end
end
