-- Counts per queue, message and minute, of as many minutes as one step reads.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the first minute, 2 max minutes
-- Answer {the next minute to read, or 0; queue, minute and its fields as a flat list, of each queue and minute with
--        activity, oldest first}
-- Cost   a command per queue and minute

local MINUTE = 60000
-- Hashes, and fields in all, that one step reads unless a single minute has more.
local MAX_READ = 5000
local MAX_FIELDS_READ = 50000
local reply = {}
local queues = call('SMEMBERS', P .. 'queues')
table.sort(queues)
local last = now - now % MINUTE
local first = math.max(tonumber(ARGV[1]), last - (tonumber(ARGV[2]) - 1) * MINUTE)
local n, n_fields = 0, 0
for minute = first - first % MINUTE, last, MINUTE do
  n = n + #queues
  if n > #queues and (n > MAX_READ or n_fields > MAX_FIELDS_READ) then
    return { minute, reply }
  end
  for _, queue in ipairs(queues) do
    local fields = call('HGETALL', P .. 'metrics:' .. queue .. ':' .. minute)
    if #fields > 0 then
      n_fields = n_fields + #fields / 2
      reply[#reply + 1] = queue
      reply[#reply + 1] = minute
      reply[#reply + 1] = fields
    end
  end
end
return { 0, reply }
