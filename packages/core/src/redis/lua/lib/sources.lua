-- Where lists find jobs, newest first by sequence. A source is a function: `source(before, n)` answers up to n jobs with
-- sequences below `before`, fewer only if there are no more. It is called with ever smaller sequences. A job is `{ id,
-- sequence }`, with its state if the source tells.
-- @include lib/active
-- @include lib/fresh
-- @include lib/header
-- @include lib/scan-held

-- Contains most headers completely.
local START_BYTES = 255

local function sorted_source(key, state)
  return function(before, n)
    local scored = call('ZREVRANGEBYSCORE', key, '(' .. before, '-inf', 'WITHSCORES', 'LIMIT', 0, n)
    local jobs = {}
    for at = 1, #scored, 2 do
      jobs[#jobs + 1] = { id = scored[at], sequence = tonumber(scored[at + 1]), state = state }
    end
    return jobs
  end
end

-- The entries of a value in the index of a searchable field: see lib/search.lua.
local function index_source(key, start)
  return function(before, n)
    local last = '(' .. start .. string.format('%016d', before)
    local jobs = {}
    for _, entry in ipairs(call('ZRANGE', key, last, '[' .. start, 'BYLEX', 'REV', 'LIMIT', 0, n)) do
      local sequence, id = string.match(string.sub(entry, #start + 1), '^(%d+)%z(.*)$')
      jobs[#jobs + 1] = { id = id, sequence = tonumber(sequence) }
    end
    return jobs
  end
end

-- Nil for an entry whose job is gone.
local function sequence_of(id)
  local sequence = string.match(call('GETRANGE', JOB .. (id or ''), 0, 64), '^%w+ (%d+)')
  return sequence and tonumber(sequence)
end

-- Entries of a fresh list that are looked at for one whose job isn't gone.
local MAX_PROBES = 32

-- The first job at a place from `first` on, at a few places before `last`: its place and its sequence, or nil.
local function probe(fresh, first, last)
  for place = first, last - 1, math.max(1, math.floor((last - first) / MAX_PROBES)) do
    local sequence = sequence_of(call('LINDEX', fresh, place))
    if sequence then
      return place, sequence
    end
  end
end

-- From how many of the first entries of a fresh list the jobs before a sequence are. The list is in send order, so
-- bisection finds it. If there are entries between whose jobs are gone, these are included.
local function entries_before(fresh, before)
  local low, high = 0, call('LLEN', fresh)
  local uncertain
  while low < high do
    local middle = math.floor((low + high) / 2)
    local place, sequence = probe(fresh, middle, high)
    if not place then
      uncertain = uncertain or high
      high = middle
    elseif sequence < before then
      low = place + 1
    else
      high, uncertain = place, nil
    end
  end
  return uncertain or low
end

-- Entries of a fresh list that one command reads.
local FRESH_PAGE_SIZE = 500

-- The fresh list of a queue or of one of its lanes, without ghosts. Its jobs have the first bytes of their values.
local function fresh_source(queue, name)
  local fresh, ghosts = P .. 'fresh:' .. name, P .. 'ghosts:' .. queue
  local left, has_ghosts
  -- Entries that were read and aren't answered yet, newest first.
  local read, at = {}, 1
  return function(before, n)
    if not left then
      left = entries_before(fresh, before)
      has_ghosts = left > 0 and call('EXISTS', ghosts) == 1
    end
    local jobs = {}
    while #jobs < n do
      local id = read[at]
      if not id and left == 0 then
        break
      elseif not id then
        local first = math.max(0, left - math.min(FRESH_PAGE_SIZE, n))
        local ids = call('LRANGE', fresh, first, left - 1)
        local is_ghost = has_ghosts and #ids > 0 and call('SMISMEMBER', ghosts, unpack(ids))
        read, at, left = {}, 1, first
        for index = #ids, 1, -1 do
          if not is_ghost or is_ghost[index] == 0 then
            read[#read + 1] = ids[index]
          end
        end
      else
        at = at + 1
        local start = call('GETRANGE', JOB .. id, 0, START_BYTES)
        local sequence = tonumber(string.match(start, '^%w+ (%d+)') or nil)
        local is_void = string.find(string.match(start, HEADER_FLAGS) or '', VOID)
        if sequence and sequence < before and not is_void then
          jobs[#jobs + 1] = { id = id, sequence = sequence, state = 'queued', start = start }
        end
      end
    end
    return jobs
  end
end

-- Active jobs of some queues: those among `ids`, or all if it is nil.
local function active_source(queues, before, ids)
  local held = ids and {} or call('HGETALL', P .. 'active')
  for first = 1, ids and #ids or 0, CHUNK do
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
  local sequences, id_of = active_among(held, before, queues)
  return function(last, n)
    local jobs = {}
    for index = #sequences, 1, -1 do
      local sequence = sequences[index]
      if sequence < last and #jobs < n then
        jobs[#jobs + 1] = { id = id_of[sequence], sequence = sequence, state = 'active' }
      end
    end
    return jobs
  end
end

-- Whether there are more held jobs than one step reads.
local function has_many_held()
  return call('HLEN', P .. 'active') > 2 * HELD_PAGE_SIZE
end

-- Adds the sources of all jobs of a queue in a state, except active ones, and functions that count them.
local function add_sources(sources, sizes, queue, state)
  sources[#sources + 1] = sorted_source(P .. state .. ':' .. queue, state)
  local kinds = state == 'queued' and call('SMEMBERS', P .. 'lanes:' .. queue)
  if kinds then
    sources[#sources + 1] = fresh_source(queue, queue)
    for _, kind in ipairs(kinds) do
      sources[#sources + 1] = fresh_source(queue, queue .. '/' .. kind)
    end
  end
  sizes[#sizes + 1] = function()
    return call('ZCARD', P .. state .. ':' .. queue) + (kinds and count_fresh(queue, kinds) or 0)
  end
end

-- Jobs of a source that are read first. Twice as many each time: a source may have most of the jobs, or one.
local MIN_READ = 16

-- Calls `visit` with the jobs of all sources, newest first, until it answers true. `n`: about how many it takes.
local function each_newest(sources, before, n, visit)
  local readers = {}
  for index, source in ipairs(sources) do
    local size = math.max(MIN_READ, math.ceil(n / #sources))
    readers[index] = { source = source, before = before, jobs = {}, at = 1, size = size }
  end
  local last
  repeat
    -- Jobs from this sequence on are read from all sources.
    local complete_from = 0
    for _, reader in ipairs(readers) do
      if not reader.is_done and not reader.jobs[reader.at] then
        reader.jobs, reader.at = reader.source(reader.before, reader.size), 1
        reader.is_done = #reader.jobs < reader.size
        reader.size = math.min(2 * reader.size, CHUNK)
        reader.before = reader.jobs[1] and reader.jobs[#reader.jobs].sequence or 0
      end
      if not reader.is_done then
        complete_from = math.max(complete_from, reader.before)
      end
    end
    local jobs, readers_used = {}, 0
    for _, reader in ipairs(readers) do
      local job = reader.jobs[reader.at]
      if job and job.sequence >= complete_from then
        readers_used = readers_used + 1
      end
      while job and job.sequence >= complete_from do
        jobs[#jobs + 1] = job
        reader.at = reader.at + 1
        job = reader.jobs[reader.at]
      end
    end
    if readers_used > 1 then
      table.sort(jobs, function(a, b)
        return a.sequence > b.sequence
      end)
    end
    for _, job in ipairs(jobs) do
      -- Twice only if keys were damaged.
      if job.sequence ~= last and visit(job) then
        return
      end
      last = job.sequence
    end
  until #jobs == 0
end
