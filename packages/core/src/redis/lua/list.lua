-- A page of jobs, newest first by send order.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 max jobs, 2 the sequence before which to begin, 3 message type or "", 4 ids of active jobs as a JSON list,
--        or "" to look for them, 5 number of states, then the states, then the queues
-- Answer a number if there are more active jobs than one step reads: then find so many of the newest with active.lua.
--        Else {the sequence of the last job looked at if there are more, or 0; ids; then of each what get.lua answers}
-- Cost   linear in the jobs of the page, and in those looked at for a message type
-- @include lib/active
-- @include lib/profiles
-- @include lib/read
-- @include lib/scan-held

-- Max jobs that a page with a message type looks at.
local WINDOW = 1000

local limit, before, message_type = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local window = message_type == '' and limit or math.max(limit, WINDOW)
local found = {}

local function header_of(id)
  return string.match(call('GETRANGE', JOB .. id, 0, 64), '^(%w+) (%d+)')
end

-- Adds one job more than `window`, which tells whether there are more.
local function add_sorted(key)
  local scored = call('ZREVRANGEBYSCORE', key, '(' .. before, '-inf', 'WITHSCORES', 'LIMIT', 0, window + 1)
  for at = 1, #scored, 2 do
    found[#found + 1] = { id = scored[at], sequence = tonumber(scored[at + 1]) }
  end
end

local function sequence_at(fresh, place)
  local id = call('LINDEX', fresh, place)
  local _, sequence = header_of(id)
  -- Nil for an entry whose job is gone. Its neighbours tell where it is.
  return sequence and tonumber(sequence), id
end

-- A fresh list is in send order: finds its last entry before the sequence by bisection. `name`: the queue, or one of
-- its lanes.
local function add_fresh(queue, name)
  local fresh, ghosts = P .. 'fresh:' .. name, P .. 'ghosts:' .. queue
  local low, high = 0, call('LLEN', fresh)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local place = middle
    local sequence = sequence_at(fresh, place)
    while not sequence and place > low do
      place = place - 1
      sequence = sequence_at(fresh, place)
    end
    if sequence and sequence >= before then
      high = place
    else
      low = middle + 1
    end
  end
  local has_ghosts = call('EXISTS', ghosts) == 1
  local added = 0
  while low > 0 and added <= window do
    local first = math.max(0, low - window - 1)
    local ids = call('LRANGE', fresh, first, low - 1)
    for at = #ids, 1, -1 do
      if not has_ghosts or call('SISMEMBER', ghosts, ids[at]) == 0 then
        local _, sequence = header_of(ids[at])
        if sequence then
          found[#found + 1] = { id = ids[at], sequence = tonumber(sequence) }
          added = added + 1
        end
      end
    end
    low = first
  end
end

local function add_active(queues)
  local held
  if ARGV[4] == '' then
    held = call('HGETALL', P .. 'active')
  else
    held = {}
    -- Jobs that are no longer active are found in their new state.
    local ids = cjson.decode(ARGV[4])
    for first = 1, #ids, CHUNK do
      local last = math.min(first + CHUNK - 1, #ids)
      local records = call('HMGET', P .. 'active', unpack(ids, first, last))
      for index = first, last do
        local record = records[index - first + 1]
        if record then
          held[#held + 1] = ids[index]
          held[#held + 1] = record
        end
      end
    end
  end
  for _, job in ipairs(active_among(held, before, queues)) do
    found[#found + 1] = job
  end
end

local states = { unpack(ARGV, 6, 5 + tonumber(ARGV[5])) }
local queues = { unpack(ARGV, 6 + tonumber(ARGV[5])) }
for _, state in ipairs(states) do
  if state == 'active' and ARGV[4] == '' and call('HLEN', P .. 'active') > 2 * HELD_PAGE_SIZE then
    return window + 1
  end
end
if #queues == 0 then
  queues = call('SMEMBERS', P .. 'queues')
end
for _, state in ipairs(states) do
  if state == 'active' then
    add_active(queues)
  else
    for _, queue in ipairs(queues) do
      add_sorted(P .. state .. ':' .. queue)
      if state == 'queued' then
        add_fresh(queue, queue)
        for _, kind in ipairs(call('SMEMBERS', P .. 'lanes:' .. queue)) do
          add_fresh(queue, queue .. '/' .. kind)
        end
      end
    end
  end
end
table.sort(found, function(a, b)
  return a.sequence > b.sequence
end)

local ids = {}
local reply = { 0, ids }
for index, job in ipairs(found) do
  if index > window or #ids == limit then
    reply[1] = found[index - 1].sequence
    break
  end
  local profile = message_type ~= '' and profile_of(header_of(job.id) or '')
  if message_type == '' or profile and profile.m == message_type then
    ids[#ids + 1] = job.id
    reply[#reply + 1] = read(job.id)
  end
end
return reply
