-- Notes which events of single jobs an engine asks for, or renews that.
--
-- An engine's own field in `watched`, a space and its name, shows it whether its other fields are still there.
--
-- KEYS   1 the prefix of the namespace's keys, 2 the prefix of its channels
-- ARGV   1 the engine's name, 2 "queued" while it asks for that state of a job, else "others" while it watches any job,
--        else "", 3 the cursor at which to go on looking for dead engines, or "" not to look; then of each changed job: id, what the engine asks for (see lib/events.lua) or "" if it no longer
--        does
-- Answer {1 if the engine's field was missing, so that it has to note all of its jobs again, else 0; the next cursor}
-- Cost   three commands per job; to look, a few, linear in the fields of a page
-- @include lib/drain
-- @include lib/events
-- @import LISTENER_LIFETIME from redis/channels/renewal

-- Fields of which one command checks whether their engines are still there, and how often a call goes on while it finds
-- dead ones. It takes 0.3 ms, and engines look every 5 s: what 10,000 watches leave is gone after 100 s at most.
local PAGE_SIZE = 500
local MAX_PAGES = 4

local WATCHED = P .. 'watched'
local own_field = ' ' .. ARGV[1]

-- Replaces what an engine asks for.
local function set_watcher(id, watchers, engine, request)
  local kept = {}
  for other, detail, types in string.gmatch(watchers or '', WATCHER) do
    if other ~= engine then
      kept[#kept + 1] = other .. ':' .. detail .. '|' .. types
    end
  end
  if request ~= '' then
    kept[#kept + 1] = engine .. ':' .. request
  end
  if #kept > 0 then
    call('HSET', WATCHED, id, table.concat(kept, ' '))
  else
    call('HDEL', WATCHED, id)
  end
end

-- Forgets engines that died. A user that may not ask leaves that to the expiry. Answers the next cursor.
local function drop_dead(cursor)
  local is_alive = {}
  local function lives(engine)
    if is_alive[engine] == nil then
      local listeners = redis.pcall('PUBSUB', 'NUMSUB', C .. 'watch:' .. engine)
      is_alive[engine] = listeners.err ~= nil or listeners[2] > 0
    end
    return is_alive[engine]
  end
  for _ = 1, MAX_PAGES do
    local page = call('HSCAN', WATCHED, cursor, 'COUNT', PAGE_SIZE)
    local found, has_dead = page[2], false
    for at = 1, #found, 2 do
      local id = found[at]
      local owner = string.match(id, '^ (.*)$')
      if owner and not lives(owner) then
        has_dead = true
        call('HDEL', WATCHED, id)
      end
      for engine in string.gmatch(found[at + 1], WATCHER) do
        if not lives(engine) then
          has_dead = true
          set_watcher(id, call('HGET', WATCHED, id), engine, '')
        end
      end
    end
    cursor = page[1]
    if cursor == '0' or not has_dead then
      break
    end
  end
  return cursor
end

for at = 4, #ARGV, 2 do
  set_watcher(ARGV[at], call('HGET', WATCHED, ARGV[at]), ARGV[1], ARGV[at + 1])
end
if ARGV[2] == '' then
  call('HDEL', WATCHED, own_field)
  return { 0, '0' }
end
-- A long value, for the reason given at `LONG_FIELD`: steps look up the ids of all their events.
local is_missing = call('HSET', WATCHED, own_field, LONG_FIELD)
local cursor = ARGV[3] ~= '' and drop_dead(ARGV[3]) or '0'
if ARGV[2] == 'queued' then
  -- Single sends then look up the id: see send.lua.
  call_unchecked('SET', P .. 'watched:queued', '', 'PX', LISTENER_LIFETIME)
end
call('PEXPIRE', WATCHED, LISTENER_LIFETIME)
return { is_missing, cursor }
