-- Removes finished jobs of one state that nothing needs any more, in send order.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 tombstones to keep, 2 state, 3 min milliseconds since they ended, 4 max jobs to remove, 5 max jobs to look
--        at, 6 the sequence after which to begin, then the queues
-- Answer {removed jobs, the sequence of the last job looked at, or 0 if there are no more}
-- Cost   five commands per job looked at, ten per job removed
-- @include lib/drain
-- @include lib/lifecycle
-- @include lib/step

local state, older_than, limit, window = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local found = {}
local is_cut = false
for at = 7, #ARGV do
  local scored = call(
    'ZRANGEBYSCORE', P .. state .. ':' .. ARGV[at], '(' .. ARGV[6], '+inf', 'WITHSCORES', 'LIMIT', 0, window
  )
  is_cut = is_cut or #scored == 2 * window
  for index = 1, #scored, 2 do
    found[#found + 1] = { id = scored[index], sequence = tonumber(scored[index + 1]) }
  end
end
table.sort(found, function(a, b)
  return a.sequence < b.sequence
end)

local L = life()
local removed, looked = 0, 0
for index = 1, math.min(#found, window) do
  if removed == limit then
    break
  end
  looked = index
  local job = L.load(found[index].id)
  if job and job.finished + older_than <= now and not L.is_pinned(job) then
    L.remove(job)
    removed = removed + 1
  end
end
end_step(tonumber(ARGV[1]), false)
local has_more = looked > 0 and (looked < #found or is_cut)
return { removed, has_more and int(found[looked].sequence) or '0' }
