-- The dependencies and dependents of a job.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 the id, 2 max dependents
-- Answer false if the job isn't stored, else {dependencies; ids of dependents; the job ahead with its ordering key, or
--        ""}. Of each dependency in turn: id, first letter of the policy, state or "", and 0 (decided), 1 (blocks the
--        job) or 2 (ended, and a later step decides what that means for the job).
-- Cost   about four commands per dependency
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
