-- Comes first in every script that names no other base. KEYS[1] is the prefix of the namespace's keys, which share a
-- hash tag. KEYS[2] is the prefix of its channels, with the number of the database: channels of Redis don't belong to a
-- database.

local P = KEYS[1]
local C = KEYS[2]

-- The server's clock in whole milliseconds.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Redis and Lua write numbers as floats, which takes as long as many commands do. Numbers of each job are formatted
-- like this.
local function int(number)
  return string.format('%d', number)
end

local now_text = int(now)

-- Other programs may evict, delete or overwrite keys of the namespace. No command of a script fails for that, so no
-- step ends halfway. The damage is reported in `corrupt`, for `health()`, and in `corrupt:new`, for the log.
local MAX_REPORTS = 100
local REPORT_LIFETIME = 3600000
local ASIDE_LIFETIME = 604800000

-- `kind`: "removed" (a job that can't be read and counts as removed), "mended" (an entry that was repaired) or "moved"
-- (a key of the wrong type, kept aside for a week). `subject`: a job's id, or a key without its prefix.
local function report(kind, subject)
  for _, key in ipairs({ P .. 'corrupt', P .. 'corrupt:new' }) do
    local entry = now_text .. ' ' .. kind .. ' ' .. subject
    if type(redis.pcall('RPUSH', key, entry)) == 'table' then
      redis.pcall('DEL', key)
      redis.pcall('RPUSH', key, entry)
    end
    redis.pcall('LTRIM', key, -MAX_REPORTS, -1)
    redis.pcall('PEXPIRE', key, REPORT_LIFETIME)
  end
end

local try, type = redis.pcall, type
local mend

-- For commands that can't meet a key of the wrong type: those that take any type (EXISTS, DEL, SET, MGET), and those on
-- a key that an earlier command of this step has used. A third faster than `call`.
local call_unchecked = redis.call

-- Runs a command. A key of the wrong type is moved aside first.
local function call(...)
  local reply = try(...)
  -- Most writes answer 1 or 0, for which the type check is skipped.
  if reply ~= 1 and reply ~= 0 and type(reply) == 'table' and reply.err then
    return mend(reply.err, ...)
  end
  return reply
end

function mend(err, ...)
  local command, key, field = ...
  local name = string.sub(key or '', #P + 1)
  if string.find(err, 'WRONGTYPE', 1, true) then
    call('RENAME', key, P .. 'corrupt:' .. name)
    call('PEXPIRE', P .. 'corrupt:' .. name, ASIDE_LIFETIME)
    report('moved', name)
  elseif command == 'HINCRBY' and string.find(err, 'not an integer', 1, true) then
    call('HDEL', key, field)
    report('mended', name)
  elseif (command == 'INCRBY' or command == 'INCR') and string.find(err, 'not an integer', 1, true) then
    -- Sequences and endings must grow: the instant is greater than any number given before.
    call('SET', key, now_text)
    report('mended', name)
  else
    -- Raises the error: the server refuses to work.
    return redis.call(...)
  end
  return call(...)
end

-- The prefix of each job's key.
local JOB = P .. 'job:'

-- The entry of pending cascades in `due`. It comes before all jobs, whose ids aren't empty.
local CASCADING = ''

-- The score of a ready job is its priority times this, plus its sequence. Fresh jobs have priority 0.
local PRIORITY_STEP = 8796093022208

-- Max arguments of a variadic command: Lua's stack holds about 8,000 values.
local CHUNK = 1000

-- Calls a command with a list as its last arguments, in several calls if the list is long.
local function call_each(command, key, list)
  for first = 1, #list, CHUNK do
    call(command, key, unpack(list, first, math.min(first + CHUNK - 1, #list)))
  end
end

-- Redis stores a small hash as a list, which each lookup walks: that took a fifth of the time of flows. A field of this
-- length turns it into a table. No id contains a space.
local LONG_FIELD = string.rep(' ', 65)
-- Max fields for which a list is fast enough.
local MAX_LIST_FIELDS = 8

-- Like `call_each('HSET', ...)`, for a hash with many lookups.
local function set_fields(key, list)
  if #list <= 2 * MAX_LIST_FIELDS then
    return call_each('HSET', key, list)
  end
  list[#list + 1] = LONG_FIELD
  list[#list + 1] = ''
  call_each('HSET', key, list)
  call('HDEL', key, LONG_FIELD)
end
