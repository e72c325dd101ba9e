-- Messages with queued jobs, by version, as far as that shows without a scan: those of the first jobs of each queue, and
-- of each lane of a split one. Nothing of paused queues.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   the queues
-- Answer of each version in turn: queue, message, version, milliseconds that the first of its jobs has been ready
-- Cost   about ten commands per queue, and eight per lane of a split one
-- @include lib/heads
-- @include lib/profiles

local reply = {}
-- By queue and kind, where its time is in `reply`.
local places = {}

local function add(queue, id)
  local waited, profile_id = waited_of(id)
  local profile = profile_id and profile_of(profile_id)
  if not profile then
    return
  end
  local name = queue .. '/' .. profile.kind
  if places[name] then
    reply[places[name]] = math.max(reply[places[name]], waited)
    return
  end
  local n = #reply
  reply[n + 1], reply[n + 2], reply[n + 3], reply[n + 4] = queue, profile.m, profile.v, waited
  places[name] = n + 4
end

local function add_first(queue, name)
  local fresh = first_fresh(queue, name)
  if fresh then
    add(queue, fresh)
  end
  local ready = call('ZRANGE', P .. 'ready:' .. name, 0, 0)[1]
  if ready then
    add(queue, ready)
  end
end

for _, queue in ipairs(ARGV) do
  local marks = call('SMISMEMBER', P .. 'paused', queue, '/' .. queue)
  if marks[1] == 0 then
    add_first(queue, queue)
    if marks[2] == 1 then
      for _, kind in ipairs(call('SMEMBERS', P .. 'lanes:' .. queue)) do
        add_first(queue, queue .. '/' .. kind)
      end
    end
  end
end
return reply
