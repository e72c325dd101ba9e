-- What every script begins with. KEYS[1] is the prefix of all keys of the namespace, which share a hash tag. KEYS[2]
-- is the prefix of its channels, with the database in it: Redis' channels don't know databases.
-- @include lib/time

local P = KEYS[1]
local C = KEYS[2]
local now = now_ms()

-- Redis and Lua write numbers as floats, which takes as long as many a command: where there is one for every job,
-- it is made into a text this way.
local function int(number)
  return string.format('%d', number)
end

local now_text = int(now)

-- What others did to the namespace's keys: evicted, deleted or overwritten them. No command of a script fails for it,
-- so no step ends half done; it is reported, for `health()` in `corrupt` and for the log in `corrupt:new`.
local MAX_REPORTS = 100
local REPORT_LIFETIME = 3600000
local ASIDE_LIFETIME = 604800000

-- `kind`: "removed" (a job that can't be read, which counts as removed), "mended" (an entry put right) or "moved" (a
-- key of the wrong type, kept aside for a week). `subject`: a job's id, or what the key's name goes on with.
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

-- For commands that nothing can be in the way of: those that take a key of any type (EXISTS, DEL, SET, MGET), and those
-- on a key that this step has called another command on before. It is a third faster than `call`.
local call_unchecked = redis.call

-- Runs a command. What it finds in its way is moved aside first.
local function call(...)
  local reply = try(...)
  -- Nearly all writes answer 1 or 0: those needn't be asked for their type.
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
    -- Numbers in an order: greater than any that was given.
    call('SET', key, now_text)
    report('mended', name)
  else
    -- Raises it: the server refuses to work.
    return redis.call(...)
  end
  return call(...)
end

-- What the key of each job begins with.
local JOB = P .. 'job:'

-- What stands in `due` for pending cascades, before all jobs: no id is empty.
local CASCADING = ''

-- The score of a ready job is its priority times this, and its sequence; fresh jobs have priority 0.
local PRIORITY_STEP = 8796093022208

-- Arguments that one variadic command is given: Lua's stack holds some 8,000 values.
local CHUNK = 1000

-- Calls a command with a list as its last arguments, in several calls when the list is long.
local function call_each(command, key, list)
  for first = 1, #list, CHUNK do
    call(command, key, unpack(list, first, math.min(first + CHUNK - 1, #list)))
  end
end

-- Redis keeps a small hash as a list, which each lookup walks: that was a fifth of the time of running flows. A field
-- this long makes it a table. No id has a space in it.
local LONG_FIELD = string.rep(' ', 65)
-- Fields that a list is good enough for.
local MAX_LIST_FIELDS = 8

-- The same as `call_each('HSET', ...)`, for a hash that is looked up much.
local function set_fields(key, list)
  if #list <= 2 * MAX_LIST_FIELDS then
    return call_each('HSET', key, list)
  end
  list[#list + 1] = LONG_FIELD
  list[#list + 1] = ''
  call_each('HSET', key, list)
  call('HDEL', key, LONG_FIELD)
end
