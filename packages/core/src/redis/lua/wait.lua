-- Whether there is work. If not, registers the engine to be woken when there is.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the engine's name on its wake channel, 2 milliseconds that it will wait, 3 what it handles, as in claim.lua,
--        then the queues
-- Answer 0 if there is work; else milliseconds until the next scheduled job is due, or -1
-- Cost   about five commands per queue, and one per lane of a split queue
-- @include lib/drain
-- @include lib/handled-kinds

local handles = ARGV[3]
local queues = { unpack(ARGV, 4) }

local function has_work(queue)
  local state = call('SMISMEMBER', P .. 'paused', queue, '/' .. queue)
  if state[1] == 1 then
    return false
  end
  if call('EXISTS', P .. 'ready:' .. queue) == 1 then
    return true
  end
  local fresh = call('LLEN', P .. 'fresh:' .. queue)
  if state[2] == 0 then
    return fresh > call('SCARD', P .. 'ghosts:' .. queue)
  end
  for _, kind in ipairs(handled_kinds(queue, handles)) do
    local lane = queue .. '/' .. kind
    if call('EXISTS', P .. 'fresh:' .. lane, P .. 'ready:' .. lane) > 0 then
      return true
    end
  end
  return fresh > 0
end

for _, queue in ipairs(queues) do
  if has_work(queue) then
    return 0
  end
end
local due = call('ZRANGE', P .. 'due', 0, 0, 'WITHSCORES')
if due[2] and tonumber(due[2]) <= now then
  return 0
end
for _, queue in ipairs(queues) do
  local idle = P .. 'idle:' .. queue
  call('ZREMRANGEBYSCORE', idle, '-inf', now - 1)
  call('ZADD', idle, now + tonumber(ARGV[2]), ARGV[1] .. handles)
  call('PEXPIRE', idle, tonumber(ARGV[2]) + 60000)
end
return due[2] and tonumber(due[2]) - now or -1
