-- A page of jobs, newest first by send order.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 what to list, as JSON:
--          limit: max jobs; window: max jobs to look at; before: the sequence before which to begin
--          fields: "full" or "summary"
--          states; queues: all if it is empty
--          active: ids to look for among the active jobs; absent: all
--          group: fingerprint of a failure group
--          messages, user, key, sent, finished: see lib/filter.lua
-- Answer {"many", ids} if there are more active jobs than one step reads: then call again with these ids and those of the
--        newest active jobs, which active.lua finds. Else {the sequence of the last job looked at, or 0 if there are no
--        more; jobs looked at; ids; then of each what lib/read.lua or
--        lib/summary.lua answers}
-- Cost   linear in the jobs looked at: one command for each, or two to four with a filter; and in those of the page
-- @include lib/filter
-- @include lib/read
-- @include lib/sources
-- @include lib/summary

-- Jobs of a source that are read at a time.
local READ_SIZE = 250

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
local filter = {
  messages = set_of(request.messages), user = request.user, key = request.key, sent = request.sent,
  finished = request.finished,
}

local wants_active, is_many, sources = false, false, {}
local queue_names = #queues > 0 and queues or call('SMEMBERS', P .. 'queues')

if request.group then
  filter.states, filter.queues, filter.is_grouped = set_of(states), #queues > 0 and set_of(queues) or nil, true
  sources[1] = sorted_source(P .. 'grouped:' .. request.group)
-- The jobs of an ordering key that haven't ended are in its lines.
elseif request.key and request.is_unfinished then
  filter.states = set_of(states)
  for _, queue in ipairs(queue_names) do
    sources[#sources + 1] = sorted_source(P .. 'line:' .. queue .. ':' .. request.key)
  end
  filter.key = nil
else
  for _, state in ipairs(states) do
    if state == 'active' then
      wants_active = true
    else
      for _, queue in ipairs(queue_names) do
        add_sources(sources, queue, state)
      end
    end
  end
end
filter.needs_header = filter.is_grouped or filter.messages or filter.user or filter.key or filter.sent or filter.queues
if wants_active then
  is_many = not request.active and has_many_held()
  if not is_many then
    sources[#sources + 1] = active_source(queues, request.before, request.active)
  end
end

local looked, last, has_more = 0, 0, false
local found = {}
each_newest(sources, request.before, math.min(request.window + 1, READ_SIZE), function(job)
  if looked == request.window or #found == request.limit then
    has_more = true
    return true
  end
  looked, last = looked + 1, job.sequence
  if is_many or matches(job, filter) then
    found[#found + 1] = job.id
  end
end)
if is_many then
  return { 'many', found }
end

local reply = { has_more and last or 0, looked, found }
local read_job = request.fields == 'full' and read or read_summary
for index, id in ipairs(found) do
  reply[3 + index] = read_job(id)
end
return reply
