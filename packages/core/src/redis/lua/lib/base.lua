-- What every script begins with. KEYS[1] is the prefix of all keys of the namespace, which share a hash tag. KEYS[2]
-- is the prefix of its channels, with the database in it: Redis' channels don't know databases.
local call = redis.call
local P = KEYS[1]
local C = KEYS[2]
local now = now_ms()

-- Redis and Lua write numbers as floats, which takes as long as many a command: where there is one for every job,
-- it is made into a text this way.
local function int(number)
  return string.format('%d', number)
end

local now_text = int(now)

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
local GUARD = string.rep(' ', 65)
-- Fields that a list is good enough for.
local FEW = 8

-- The same as `call_each('HSET', ...)`, for a hash that is looked up much.
local function set_fields(key, list)
  if #list <= 2 * FEW then
    return call_each('HSET', key, list)
  end
  list[#list + 1] = GUARD
  list[#list + 1] = ''
  call_each('HSET', key, list)
  call('HDEL', key, GUARD)
end
