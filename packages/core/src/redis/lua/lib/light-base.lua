-- The base of a script that must be fast, instead of lib/base: functions take longer to define than commands to run. Here
-- `call` mends nothing. It answers errors, on which the script leaves its work to one that mends.

local P = KEYS[1]
local C = KEYS[2]
local JOB = P .. 'job:'
local call, call_unchecked, type = redis.pcall, redis.call, type

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
