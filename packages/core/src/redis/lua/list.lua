-- A page of jobs, newest first by send order.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 what to list, as JSON:
--          limit: max jobs; window: max jobs to look at; before: the sequence before which to begin
--          fields: "full", "summary", or "count" to count them only
--          states; queues: all if it is empty
--          scan: the cursor of a page of held jobs; absent: answer a list, unless there are too many held jobs
--          active: ids to look for among the active jobs, and active_from: down to which sequence these are all; absent:
--                  all active jobs
--          group: fingerprint of a failure group
--          messages, user, key, sent, finished: see lib/filter.lua
--          is_unfinished: whether no state is that of an ending
--          search: {message, values}
-- Answer {"many", the next cursor or "0", from, id and sequence of each in turn} if there are more held jobs than one step
--        reads: the active ones of a page of them, and the jobs in the other states that are listed, down to the sequence
--        `from`. Call again with each cursor, then with these ids as `active`: a job that has left `active` when its page
--        is read is among the others. Else {the sequence of the last job looked at, or 0 if there are no more; jobs
--        looked at; ids, or their number for "count"; then of each what lib/read.lua or lib/summary.lua answers}
-- Cost   linear in the jobs looked at: one command for each, or two to four with a filter; and in those of the page
-- @include lib/filter
-- @include lib/active
-- @include lib/read
-- @include lib/scan-held
-- @include lib/search
-- @include lib/sources
-- @include lib/summary

local N_STATES = 7

local function set_of(list)
  if not list then
    return nil
  end
  local set = {}
  for _, name in ipairs(list) do
    set[name] = true
  end
  return set
end

local request = cjson.decode(ARGV[1])
local states, queues = request.states, request.queues
local queue_names = #queues > 0 and queues or call('SMEMBERS', P .. 'queues')

-- Ways to the jobs. Each has sources, and `size()` answers how many jobs these have.
local ways = {}

local function add_search(field, value)
  local key, start = search_index().key(request.search.message, field), search_index().start(value)
  ways[#ways + 1] = {
    field = field,
    sources = { index_source(key, start) },
    size = function()
      return call('ZLEXCOUNT', key, '[' .. start, '(' .. string.sub(start, 1, -2) .. '\1')
    end,
  }
end

-- The jobs of an ordering key that haven't ended are in its lines.
local function add_lines()
  local sources, keys = {}, {}
  for index, queue in ipairs(queue_names) do
    keys[index] = P .. 'line:' .. queue .. ':' .. request.key
    sources[index] = sorted_source(keys[index])
  end
  ways[#ways + 1] = {
    has_key = true,
    sources = sources,
    size = function()
      local size = 0
      for _, key in ipairs(keys) do
        size = size + call('ZCARD', key)
      end
      return size
    end,
  }
end

local wants_active, is_many = false, false

local function add_states()
  local sources, sizes = {}, {}
  for _, state in ipairs(states) do
    if state == 'active' then
      wants_active = true
      for _, queue in ipairs(queue_names) do
        sizes[#sizes + 1] = function()
          return math.max(0, tonumber(call('HGET', P .. 'running', queue)) or 0)
        end
      end
    else
      for _, queue in ipairs(queue_names) do
        add_sources(sources, sizes, queue, state)
      end
    end
  end
  ways[#ways + 1] = {
    has_states = true,
    sources = sources,
    size = function()
      local size = 0
      for _, count in ipairs(sizes) do
        size = size + count()
      end
      return size
    end,
  }
end

if request.group then
  -- The only source: it is bounded, and a job doesn't hold its group.
  ways[1] = { has_group = true, sources = { sorted_source(P .. 'grouped:' .. request.group) } }
else
  for field, value in pairs(request.search and request.search.values or {}) do
    add_search(field, value)
  end
  if request.key and request.is_unfinished then
    add_lines()
  end
  add_states()
end

-- The shortest way; the first of them if one is enough.
local way, least = ways[1], nil
if #ways > 1 then
  for _, each in ipairs(ways) do
    local size = each.size()
    if not least or size < least then
      way, least = each, size
    end
  end
end

local filter = {
  messages = set_of(request.messages), user = request.user, key = not way.has_key and request.key or nil,
  sent = request.sent, finished = request.finished, is_grouped = way.has_group,
}
if request.search then
  request.search.values[way.field or ''] = nil
  filter.values = next(request.search.values) and request.search.values
  -- Two messages may have fields of the same name.
  filter.message = not way.field and request.search.message or nil
end
if not way.has_states then
  filter.states = #states < N_STATES and set_of(states) or nil
  filter.queues = not way.has_key and #queues > 0 and set_of(queues) or nil
end
filter.needs_header = filter.is_grouped or filter.messages or filter.message or filter.user or filter.key or filter.sent
  or filter.queues or filter.values
local selects = filter.needs_header or filter.states or filter.finished
if request.fields == 'count' and not selects then
  return { 0, 0, way.size() }
end
local sources = way.sources
if way.has_states and wants_active then
  is_many = request.scan or not request.active and has_many_held()
  if not is_many then
    sources[#sources + 1] = active_source(queues, request.before, request.active)
  end
end

local looked, last, has_more = 0, 0, false
local active_from = request.active_from or 0
local found, sequence_of_found = {}, {}
each_newest(sources, request.before, selects and request.window + 1 or request.limit + 1, function(job)
  if job.sequence < active_from then
    return true
  end
  if looked == request.window or #found == request.limit and not is_many then
    has_more = true
    return true
  end
  looked, last = looked + 1, job.sequence
  if is_many or matches(job, filter) then
    found[#found + 1] = job.id
    sequence_of_found[#found] = last
  end
end)
if is_many then
  local page, cursor = scan_held(request.scan or '0')
  local sequences, ids = active_among(page, request.before, queues)
  local reply = {}
  for index, id in ipairs(found) do
    reply[#reply + 1] = id
    reply[#reply + 1] = int(sequence_of_found[index])
  end
  for _, sequence in ipairs(sequences) do
    reply[#reply + 1] = ids[sequence]
    reply[#reply + 1] = int(sequence)
  end
  return { 'many', cursor, has_more and last or 0, reply }
end
if not has_more and active_from > 0 then
  has_more, last = true, active_from
end

if request.fields == 'count' then
  return { has_more and last or 0, looked, #found }
end
local reply = { has_more and last or 0, looked, found }
local read_job = request.fields == 'full' and read or read_summary
for index, id in ipairs(found) do
  reply[3 + index] = read_job(id)
end
return reply
