-- The workers that are alive.
--
-- KEYS   1 the prefix of the namespace's keys
-- Answer of each worker in turn: the instant of its last beat, `instant record` (its start, and JSON), and its last beat
--        as JSON or false
-- Cost   three commands for up to a thousand workers
-- @import WORKER_LIFETIME from engine/engine-limits

local seen = call('ZRANGEBYSCORE', P .. 'workers:seen', '(' .. now_text, '+inf', 'WITHSCORES')
local reply = {}
for first = 1, #seen, 2 * CHUNK do
  local ids = {}
  for at = first, math.min(first + 2 * CHUNK - 1, #seen), 2 do
    ids[#ids + 1] = seen[at]
  end
  local records = call('HMGET', P .. 'workers', unpack(ids))
  local beats = call('HMGET', P .. 'workers:running', unpack(ids))
  for index = 1, #ids do
    if records[index] then
      reply[#reply + 1] = int(seen[first + 2 * index - 1] - WORKER_LIFETIME)
      reply[#reply + 1] = records[index]
      reply[#reply + 1] = beats[index]
    end
  end
end
return reply
