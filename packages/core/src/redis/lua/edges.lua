-- The dependencies and dependents of jobs.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 max dependents of each, then the ids
-- Answer for each job false if it isn't stored, else {dependencies, dependents, number of dependents, the job ahead with
--        its ordering key or ""}. Of each dependency and dependent in turn: id, first letter of the policy, state or "",
--        and 0 (decided), 1 (blocks the dependent) or 2 (the dependency has ended, and a later step decides what that
--        means for the dependent). Answers fewer jobs than ids if one step can't read more: the rest needs another call.
-- Cost   about four commands per dependency, and five per dependent
-- @include lib/lifecycle

-- Edges that one step reads, unless a single job has more.
local MAX_EDGES = 2000
local HEADER_BYTES = 255

local L = life()
local count_ended = L.count_ended
local limit = tonumber(ARGV[1])

-- `letter` and `place`: of a job among the readers of the one that it depends on.
local function status_of(id, state, letter, place)
  local waits = letter and letter ~= '-'
  local cascade = waits and L.is_terminal(state) and L.cascade_of(id)
  local is_left = cascade and place > cascade.place and place <= cascade.last
  return is_left and 2 or waits and state ~= 'completed' and 1 or 0
end

local function dependencies_of(job)
  local found, deps = {}, L.deps_of(job)
  for at = 1, #deps, 2 do
    local id = deps[at]
    local state = L.state_of(id)
    found[#found + 1] = id
    found[#found + 1] = deps[at + 1]
    found[#found + 1] = state or ''
    found[#found + 1] = status_of(id, state, L.letter_of(id, job.id))
  end
  return found
end

-- The policy of a dependent, or nil. It may have ten thousand dependencies, so they aren't decoded. Ids and the names of
-- members contain nothing that JSON escapes, and a quote inside of another text is escaped.
local function policy_of(dependent, id)
  local start = call('GETRANGE', JOB .. dependent, 0, HEADER_BYTES)
  if not string.find(start, '\n', 1, true) then
    start = string.match(call('GET', JOB .. dependent) or '', '^[^\n]*')
  end
  for other, policy in string.gmatch(string.match(start, '"d":%[(.-)%]') or '', '"([^"]+)","(%a)"') do
    if other == id then
      return policy
    end
  end
end

local function ended_dependents_of(id)
  local text = call('HGET', P .. 'dependents', id) or ''
  local ids = {}
  for dependent in string.gmatch(text, ' (%S+)') do
    table.insert(ids, 1, dependent)
  end
  return count_ended(text, #ids), ids
end

-- The dependents of a job, and how many there are.
local function dependents_of(job)
  local found, seen, n = {}, {}, 0
  local function add(id, has_ended, status)
    local dependent = not seen[id] and n < limit and L.load(id)
    local policy = dependent and L.is_terminal(dependent.state) == has_ended and policy_of(id, job.id)
    if policy then
      seen[id], n = true, n + 1
      found[#found + 1] = id
      found[#found + 1] = policy
      found[#found + 1] = dependent.state
      found[#found + 1] = status
    end
  end
  local first, last = 0, nil
  if job.state == 'completed' then
    local cascade = L.cascade_of(job.id)
    first, last = cascade and cascade.place or 0, cascade and cascade.last or 0
  end
  local waiting = last == 0 and {} or L.waiting_behind(job.id, first, last, limit)
  for at = 1, #waiting, 3 do
    add(waiting[at], false, status_of(job.id, job.state, waiting[at + 1], waiting[at + 2]))
  end
  local readers = L.readers_of(job.id, limit)
  for _, id in ipairs(readers) do
    add(id, false, 0)
  end
  local n_ended, ended = ended_dependents_of(job.id)
  for _, id in ipairs(ended) do
    add(id, true, 0)
  end
  local n_many = call('ZCARD', P .. 'waiters:' .. job.id)
  return found, (n_many > 0 and n_many or #readers) + n_ended
end

local reply, n_edges = {}, 0
for index = 2, #ARGV do
  local job = L.load(ARGV[index])
  local dependencies, dependents, n, behind = {}, {}, 0, ''
  if job then
    dependencies = dependencies_of(job)
    dependents, n = dependents_of(job)
    local head = job.key and job.state == 'blocked' and call('HGET', P .. 'heads:' .. job.queue, job.key)
    behind = head and head ~= job.id and head or ''
  end
  n_edges = n_edges + (#dependencies + #dependents) / 4
  if n_edges > MAX_EDGES and index > 2 then
    break
  end
  reply[index - 1] = job and { dependencies, dependents, n, behind } or false
end
return reply
