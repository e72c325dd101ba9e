-- A page of failure groups, the latest failure first. Drops jobs from them that are gone.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 max groups, 2 max jobs of each, 3 message type or "", 4 queue or "", 5 and 6 instant and fingerprint of the
--        last group of the page before, or ""
-- Answer {1 if there are more, then of each group: fingerprint, instant of the latest failure, its hash as a flat list,
--        ids of its newest jobs}
-- Cost   linear in the groups, at most a thousand, and two commands per job looked at
-- @import GROUP_LIFETIME from engine/failure-groups

-- Jobs of one group that are read at once if the first ones are gone, and jobs that one call looks at.
local PAGE_SIZE = 50
local MAX_LOOKED = 20000

local limit, max_jobs, message_type, queue = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local before, last = tonumber(ARGV[5]), ARGV[6]
local looked = 0

local function is_stored(id, sequence)
  return string.match(call('GETRANGE', JOB .. id, 0, 64), '^%w+ (%d+)') == sequence
end

local function newest_jobs(fingerprint)
  local key, found, first, size = P .. 'grouped:' .. fingerprint, {}, 0, max_jobs
  while #found < max_jobs and looked < MAX_LOOKED do
    local scored, gone = call('ZREVRANGE', key, first, first + size - 1, 'WITHSCORES'), {}
    for at = 1, #scored, 2 do
      if not is_stored(scored[at], int(scored[at + 1])) then
        gone[#gone + 1] = scored[at]
      elseif #found < max_jobs then
        found[#found + 1] = scored[at]
      end
    end
    looked = looked + #scored / 2
    call_each('ZREM', key, gone)
    if #scored < 2 * size then
      break
    end
    first, size = first + size - #gone, PAGE_SIZE
  end
  return found
end

local function is_wanted(key)
  local group = call('HMGET', key, 'm', 'q')
  return group[1] and (message_type == '' or group[1] == message_type) and (queue == '' or group[2] == queue)
end

local reply, n = { 0 }, 0
local groups = call('ZREVRANGEBYSCORE', P .. 'groups', before or '+inf', '(' .. int(now - GROUP_LIFETIME), 'WITHSCORES')
for at = 1, #groups, 2 do
  local fingerprint, instant = groups[at], tonumber(groups[at + 1])
  local key = P .. 'group:' .. fingerprint
  if (not before or instant < before or fingerprint < last) and is_wanted(key) then
    if n == limit then
      reply[1] = 1
      break
    end
    n = n + 1
    reply[#reply + 1] = fingerprint
    reply[#reply + 1] = int(instant)
    reply[#reply + 1] = call('HGETALL', key)
    reply[#reply + 1] = newest_jobs(fingerprint)
  end
end
return reply
