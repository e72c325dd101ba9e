-- What every script begins with. KEYS[1] is the prefix of all keys of the namespace, which share a hash tag.
local call = redis.call
local P = KEYS[1]
local now = now_ms()

-- Redis and Lua write numbers as floats, which takes as long as many a command: where there is one for every job,
-- it is made into a text this way.
local function int(number)
  return string.format('%d', number)
end

local now_text = int(now)

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
