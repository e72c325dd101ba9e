-- Registers filters of events, or renews them.
--
-- KEYS   1 the prefix of the namespace's keys, 2 the prefix of its channels
-- ARGV   1 "new", or "renew" for filters that were registered before; then the filters (see lib/events.lua), to whose
--        channels the engine has subscribed
-- Answer for each filter 0 (it was there), 1 (it wasn't) or 2 (it is new, and there are too many)
-- Cost   a command per filter
-- @include lib/drain
-- @import MAX_FILTERS, EVERYTHING from redis/codec/event-filters
-- @import LISTENER_LIFETIME from redis/channels/renewal

local LISTENERS = P .. 'listeners'

local answers = {}
-- Single sends look for listeners to new jobs at one key: see send.lua.
local is_for_queued = false
for at = 2, #ARGV do
  local filter = ARGV[at]
  local is_full = ARGV[1] == 'new' and filter ~= EVERYTHING and call('SCARD', LISTENERS) >= MAX_FILTERS
  local is_refused = is_full and call('SISMEMBER', LISTENERS, filter) == 0
  answers[at - 1] = is_refused and 2 or call('SADD', LISTENERS, filter)
  is_for_queued = is_for_queued or string.find(filter, '^d?|[^|]*,queued,') or string.find(filter, '^d?||')
end
if is_for_queued then
  call_unchecked('SET', P .. 'listeners:queued', '', 'PX', LISTENER_LIFETIME)
end
call('PEXPIRE', LISTENERS, LISTENER_LIFETIME)
return answers
