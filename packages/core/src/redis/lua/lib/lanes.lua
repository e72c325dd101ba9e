-- Where the queued jobs of a queue stand when its workers handle different messages.
--
-- A queue begins with one list and one set, `fresh:` and `ready:`: its inlet. The first claim that finds a job there
-- which its worker doesn't handle splits the queue: from then on each claim first moves the inlet to lanes, a list and
-- a set for each version of each message, and takes from those that it handles. A lane is named `queue/message@version`.
-- `lanes:<queue>` is the set of their ends (`message@version`), and `/queue` in `paused` says that there are any, so
-- that a claim learns it with what it asks anyway.
-- @include lib/handles
-- @include lib/lifecycle
-- @include lib/profiles
-- @include lib/wake

-- Entries of an inlet that one claim moves.
local MAX_MOVES = 2000

local function kind_of(profile)
  return profile.m .. '@' .. int(tonumber(profile.v) or 0)
end

-- The kinds of a split queue's lanes, of those that are handled.
local function lanes_of(queue, handles)
  local kinds = {}
  for _, kind in ipairs(call('SMEMBERS', P .. 'lanes:' .. queue)) do
    if handles_kind(handles, kind) then
      kinds[#kinds + 1] = kind
    end
  end
  return kinds
end

-- Groups entries by their job's lane, and calls `add` with each group. What can't be read is lost; ghosts are dropped.
local function sort_entries(queue, ids, scores, add)
  local ghosts = not scores and call('EXISTS', P .. 'ghosts:' .. queue) == 1
    and call('SMISMEMBER', P .. 'ghosts:' .. queue, unpack(ids))
  local groups = {}
  for index, id in ipairs(ids) do
    local profile_id = string.match(call_sure('GETRANGE', JOB .. id, 0, 64), '^(%w+) ')
    local profile = profile_id and profile_of(profile_id)
    if ghosts and ghosts[index] == 1 then
      call('SREM', P .. 'ghosts:' .. queue, id)
    elseif not profile then
      life().lose(id)
    else
      local kind = kind_of(profile)
      local group = groups[kind] or {}
      groups[kind] = group
      if scores then
        group[#group + 1] = scores[index]
      end
      group[#group + 1] = id
    end
  end
  for kind, group in pairs(groups) do
    call('SADD', P .. 'lanes:' .. queue, kind)
    add(P, queue .. '/' .. kind, group)
    wake_kind(queue, kind, scores and #group / 2 or #group)
  end
end

local function add_ready(prefix, lane, group)
  call('ZADD', prefix .. 'ready:' .. lane, unpack(group))
end

local function add_fresh(prefix, lane, group)
  call('RPUSH', prefix .. 'fresh:' .. lane, unpack(group))
end

-- Moves a queue's inlet to its lanes. Answers whether something is left there, which later claims move.
local function sort_inlet(queue)
  local fresh, ready = P .. 'fresh:' .. queue, P .. 'ready:' .. queue
  local moves = MAX_MOVES
  while moves > 0 do
    local scored = call('ZRANGE', ready, 0, math.min(moves, CHUNK) - 1, 'WITHSCORES')
    if #scored == 0 then
      break
    end
    local ids, scores = {}, {}
    for at = 1, #scored, 2 do
      ids[#ids + 1] = scored[at]
      scores[#scores + 1] = scored[at + 1]
    end
    sort_entries(queue, ids, scores, add_ready)
    call('ZREM', ready, unpack(ids))
    moves = moves - #ids
  end
  while moves > 0 do
    local ids = call('LRANGE', fresh, 0, math.min(moves, CHUNK) - 1)
    if #ids == 0 then
      return false
    end
    sort_entries(queue, ids, nil, add_fresh)
    call('LTRIM', fresh, #ids, -1)
    moves = moves - #ids
  end
  return call('EXISTS', fresh, ready) > 0
end

local function split(queue)
  call('SADD', P .. 'paused', '/' .. queue)
end

-- Puts queues together again whose lanes are all empty.
local function join_empty()
  for _, name in ipairs(call('SMEMBERS', P .. 'paused')) do
    local queue = string.match(name, '^/(.*)$')
    if queue then
      local keys = {}
      for _, kind in ipairs(call('SMEMBERS', P .. 'lanes:' .. queue)) do
        keys[#keys + 1] = P .. 'fresh:' .. queue .. '/' .. kind
        keys[#keys + 1] = P .. 'ready:' .. queue .. '/' .. kind
      end
      if #keys == 0 or call('EXISTS', unpack(keys)) == 0 then
        call('DEL', P .. 'lanes:' .. queue)
        call('SREM', P .. 'paused', name)
      end
    end
  end
end
