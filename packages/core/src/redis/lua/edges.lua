-- What a job waits for, and who waits for it.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 the id, 2 most dependents to name
-- Answer false when it isn't stored, else {id, first letter of the policy, state or "", 0 or 1 when it still blocks or
--        2 when what becomes of this job is left to a later step, of each dependency in turn; dependents; the job
--        ahead of it in its ordering key, or ""}
-- Cost   some four commands a dependency
-- @include lib/lifecycle

local L = life()
local job = L.load(ARGV[1])
if not job then
  return false
end
local dependencies = {}
local deps = L.deps_of(job)
for at = 1, #deps, 2 do
  local id = deps[at]
  local letter, place = L.letter_of(id, job.id)
  local state = L.state_of(id)
  local waits = letter and letter ~= '-'
  local cascade = waits and L.is_terminal(state) and L.cascade_of(id)
  local is_left = cascade and place > cascade.place and place <= cascade.last
  dependencies[#dependencies + 1] = id
  dependencies[#dependencies + 1] = deps[at + 1]
  dependencies[#dependencies + 1] = state or ''
  dependencies[#dependencies + 1] = is_left and 2 or waits and state ~= 'completed' and 1 or 0
end
local dependents = {}
local first, last = 0, nil
if job.state == 'completed' then
  local cascade = L.cascade_of(job.id)
  first, last = cascade and cascade.place or 0, cascade and cascade.last or 0
end
local waiting = last == 0 and {} or L.waiting_behind(job.id, first, last, tonumber(ARGV[2]))
for at = 1, #waiting, 3 do
  dependents[#dependents + 1] = waiting[at]
end
local behind = ''
if job.key and job.state == 'blocked' then
  local head = call('HGET', P .. 'heads:' .. job.queue, job.key)
  behind = head ~= job.id and head or ''
end
return { dependencies, dependents, behind }
