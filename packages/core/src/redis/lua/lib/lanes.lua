-- The queued jobs of a queue whose workers handle different messages.
--
-- A queue begins with one list and one set, `fresh:` and `ready:`, its inlet. The first claim that finds a job there
-- which its worker doesn't handle splits the queue: from then on, each claim first moves the inlet to lanes, which are
-- a list and a set for each version of each message, and takes from the lanes that its worker handles. A lane is named
-- `queue/message@version`. `lanes:<queue>` is the set of their kinds (`message@version`). `/queue` in `paused` marks a
-- split queue, because claims read `paused` anyway.
-- @include lib/handles
-- @include lib/lifecycle
-- @include lib/profiles
-- @include lib/wake
-- @include lib/wake-waiting

-- Max entries of an inlet that a claim moves.
local MAX_MOVES = 2000
-- Max waiting engines of other kinds that a wake passes over.
local MAX_PASSED = 2000

-- A function for the reason given in lib/lifecycle.lua.
local function make_lanes()
  -- Entries added to lanes, by queue and kind.
  local woken_kinds = {}

  local function wake_kind(queue, kind, n)
    woken_kinds[queue] = woken_kinds[queue] or {}
    woken_kinds[queue][kind] = (woken_kinds[queue][kind] or 0) + n
  end

  local function standing_in(lane)
    return call('LLEN', P .. 'fresh:' .. lane) + call('ZCARD', P .. 'ready:' .. lane)
  end

  -- Wakes as many engines that handle a kind as there are jobs of it, the longest waiting first.
  local function wake_waiting_for(queue, kind, n)
    local idle = P .. 'idle:' .. queue
    local left, passed = math.min(n, MAX_WOKEN), 0
    -- Most engines handle the same as others.
    local fits = {}
    while left > 0 and passed < MAX_PASSED do
      local members = call('ZRANGEBYSCORE', idle, now, '+inf', 'LIMIT', passed, MAX_WOKEN)
      for _, member in ipairs(members) do
        local name, handles = string.match(member, '^(%S*)(.*)$')
        if fits[handles] == nil then
          fits[handles] = handles_kind(handles, kind)
        end
        if left > 0 and fits[handles] then
          call('ZREM', idle, member)
          if redis.pcall('PUBLISH', C .. 'wake:' .. name, 'wake ' .. queue) ~= 0 then
            left = left - 1
          end
        else
          passed = passed + 1
        end
      end
      if #members < MAX_WOKEN then
        return
      end
    end
  end

  function flush_lane_wakes()
    for queue, kinds in pairs(woken_kinds) do
      for kind, n in pairs(kinds) do
        wake_waiting_for(queue, kind, math.min(n, standing_in(queue .. '/' .. kind)))
      end
    end
  end

  -- Wakes engines for all jobs in the lanes of a queue.
  local function wake_all(queue)
    for _, kind in ipairs(call('SMEMBERS', P .. 'lanes:' .. queue)) do
      wake_kind(queue, kind, standing_in(queue .. '/' .. kind))
    end
  end

  -- @include lib/handled-kinds

  -- Moves entries to the lanes of their jobs, with scores if they have any. Drops those of cancelled and unreadable
  -- jobs.
  local function move(queue, ids, scores)
    local ghosts = not scores and call('EXISTS', P .. 'ghosts:' .. queue) == 1
      and call('SMISMEMBER', P .. 'ghosts:' .. queue, unpack(ids))
    local groups = {}
    for index, id in ipairs(ids) do
      local profile_id = string.match(call_unchecked('GETRANGE', JOB .. id, 0, 64), '^(%w+) ')
      local profile = profile_id and profile_of(profile_id)
      if ghosts and ghosts[index] == 1 then
        call('SREM', P .. 'ghosts:' .. queue, id)
      elseif not profile then
        life().mark_lost(id)
      else
        local kind = profile.kind
        local group = groups[kind] or {}
        groups[kind] = group
        if scores then
          group[#group + 1] = scores[index]
        end
        group[#group + 1] = id
      end
    end
    for kind, group in pairs(groups) do
      local lane = queue .. '/' .. kind
      call('SADD', P .. 'lanes:' .. queue, kind)
      if scores then
        call('ZADD', P .. 'ready:' .. lane, unpack(group))
      else
        call('RPUSH', P .. 'fresh:' .. lane, unpack(group))
      end
      wake_kind(queue, kind, scores and #group / 2 or #group)
    end
  end

  -- Moves the inlet of a queue to its lanes. Answers whether entries are left, which later claims move.
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
      move(queue, ids, scores)
      call('ZREM', ready, unpack(ids))
      moves = moves - #ids
    end
    while moves > 0 do
      local ids = call('LRANGE', fresh, 0, math.min(moves, CHUNK) - 1)
      if #ids == 0 then
        return false
      end
      move(queue, ids)
      call('LTRIM', fresh, #ids, -1)
      moves = moves - #ids
    end
    return call('EXISTS', fresh, ready) > 0
  end

  -- Takes from the lanes of a split queue, in order, up to the first job that is left in its inlet. `from`: the
  -- functions by which a claim takes. Answers whether the inlet has entries left.
  local function take(queue, handles, from)
    local first_left = math.huge
    local is_left = sort_inlet(queue)
    if is_left then
      first_left = math.min(from.first_ready(queue) or math.huge, from.first_fresh(queue) or math.huge)
    end
    local lanes = {}
    local function look(lane)
      lane.ready, lane.fresh = from.first_ready(lane.name) or math.huge, from.first_fresh(lane.name) or math.huge
      lane.first = math.min(lane.ready, lane.fresh)
    end
    for index, kind in ipairs(handled_kinds(queue, handles)) do
      lanes[index] = { name = queue .. '/' .. kind }
      look(lanes[index])
    end
    while from.may_go_on() do
      local next_lane, limit = nil, first_left
      for _, lane in ipairs(lanes) do
        local first = next_lane and next_lane.first or first_left
        limit = math.min(limit, math.max(lane.first, first))
        if lane.first < first then
          next_lane = lane
        end
      end
      if not next_lane then
        break
      end
      if next_lane.fresh < next_lane.ready then
        limit = math.min(limit, next_lane.ready)
        from.take_fresh(queue, next_lane.name, limit < math.huge and limit or nil)
      else
        limit = math.min(limit, next_lane.fresh)
        from.take_ready(queue, next_lane.name, limit < math.huge and int(limit) or '+inf')
      end
      look(next_lane)
    end
    return is_left
  end

  -- Joins split queues whose lanes are all empty.
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

  return { handled_kinds = handled_kinds, join_empty = join_empty, take = take, wake_all = wake_all }
end

local lanes_made
local function lanes()
  lanes_made = lanes_made or make_lanes()
  return lanes_made
end
