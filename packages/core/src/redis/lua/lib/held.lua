-- The record of a held job in `active`. Only this file knows its fields:
--
--   epoch profile sequence started attempt stalls bounces priority flags token[ key]
--
-- Flags are "-", or some of k (ordering key), d (dependencies), p (priority), w (dedupe key), x (has a `state:` hash),
-- c (told to stop) and v (reserved: its attempt hasn't started, and `started` is 0).

-- Matches all fields in order, the key as "" if there is none.
local HELD = '^(%d+) (%w+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%S+) (%S+) ?(.*)$'

-- `key` may be nil.
local function write_held(epoch, profile_id, sequence, started, attempt, stalls, bounces, priority, flags, token, key)
  return epoch .. ' ' .. profile_id .. ' ' .. sequence .. ' ' .. started .. ' ' .. attempt .. ' ' .. stalls .. ' '
    .. bounces .. ' ' .. priority .. ' ' .. flags .. ' ' .. token .. (key and ' ' .. key or '')
end

-- Matches the fields before the flags, the flags, the token, and the rest.
local HELD_FLAGS = '^(%S+ %S+ %S+ %S+ %S+ %S+ %S+ %S+ )(%S+) (%S+)(.*)$'

-- The record with more flags, and with another token if one is given.
local function alter_held(record, added, token)
  local before, flags, own, after = string.match(record, HELD_FLAGS)
  flags = string.gsub(flags, '[-' .. added .. ']', '') .. added
  return before .. (flags == '' and '-' or flags) .. ' ' .. (token or own) .. after
end

-- Most jobs run once and have nothing but their own key. Records of one claim then differ only in profile and sequence.
-- The rest of the record, its terms, is one text, which is written once per claim and parsed once for all. Such a
-- record is `FIRST .. profile .. ' ' .. sequence .. ' ' .. terms`; a function call for it takes one percent of a step.
local FIRST = '1 '
local FIRST_HELD = '^1 (%w+) (%d+) (.*)$'
local FIRST_TERMS = '^(%d+) 1 0 0 0 %- (%S+)$'

local function write_terms(started, token)
  return started .. ' 1 0 0 0 - ' .. token
end
