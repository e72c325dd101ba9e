-- What a job waits for, and who waits for it.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 the id, 2 most dependents to name
-- Answer false when it isn't stored, else {id, first letter of the policy, state or "", 1 when it still blocks or
--        0, of each dependency in turn; dependents; the job ahead of it in its ordering key, or ""}
-- Cost   three commands a dependency, linear in the dependents
-- @include lib/time
-- @include lib/base
-- @include lib/profiles
-- @include lib/metrics
-- @include lib/events
-- @include lib/wake
-- @include lib/tombs
-- @include lib/claims
-- @include lib/lifecycle
-- @include lib/step

local L = life()
local job = L.load(ARGV[1])
if not job then
  return false
end
local dependencies = {}
local deps = L.deps_of(job)
for at = 1, #deps, 2 do
  local id = deps[at]
  local letter = L.letter_of(id, job.id)
  local state = L.state_of(id)
  dependencies[#dependencies + 1] = id
  dependencies[#dependencies + 1] = deps[at + 1]
  dependencies[#dependencies + 1] = state or ''
  dependencies[#dependencies + 1] = L.is_waiting_for(letter, state) and 1 or 0
end
local dependents = {}
local waiters = L.waiters_of(job.id)
for at = 1, #waiters, 2 do
  if L.is_waiting_for(waiters[at + 1], job.state) and #dependents < tonumber(ARGV[2]) then
    dependents[#dependents + 1] = waiters[at]
  end
end
local behind = ''
if job.key and job.state == 'blocked' then
  local head = call('HGET', P .. 'heads:' .. job.queue, job.key)
  behind = head ~= job.id and head or ''
end
return { dependencies, dependents, behind }
