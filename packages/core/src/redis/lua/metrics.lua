-- Counts per queue and minute.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 the first minute wanted, 2 most minutes
-- Answer queue, minute and its fields as a flat list; of each queue and minute with activity, oldest first
-- Cost   a command a queue and minute
-- @include lib/time
-- @include lib/base

local MINUTE = 60000
local reply = {}
local queues = call('SMEMBERS', P .. 'queues')
table.sort(queues)
local last = now - now % MINUTE
local first = math.max(tonumber(ARGV[1]), last - (tonumber(ARGV[2]) - 1) * MINUTE)
for minute = first - first % MINUTE, last, MINUTE do
  for _, queue in ipairs(queues) do
    local fields = call('HGETALL', P .. 'metrics:' .. queue .. ':' .. minute)
    if #fields > 0 then
      reply[#reply + 1] = queue
      reply[#reply + 1] = minute
      reply[#reply + 1] = fields
    end
  end
end
return reply
