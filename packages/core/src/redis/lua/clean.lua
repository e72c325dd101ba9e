-- Removes jobs of one state that nobody holds or needs any more, in send order.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 tombstones to keep, 2 state, 3 min milliseconds since they ended, or were stored if that is no ending, 4 max
--        jobs to remove, 5 max jobs to look at, 6 the sequence after which to begin, then the queues
-- Answer {removed jobs, the sequence of the last job looked at, or 0 if there are no more}
-- Cost   five commands per job looked at, ten per job removed
-- @include lib/drain
-- @include lib/lifecycle
-- @include lib/step

local state, older_than, limit, window = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local after = tonumber(ARGV[6])
local found = {}
local is_cut = false

-- The start of a fresh list: jobs that this call has removed are no longer in it.
local function add_fresh(queue, name)
  local ids = call('LRANGE', P .. 'fresh:' .. name, 0, window - 1)
  local is_ghost = #ids > 0 and call('SMISMEMBER', P .. 'ghosts:' .. queue, unpack(ids))
  is_cut = is_cut or #ids == window
  for index, id in ipairs(ids) do
    local sequence = is_ghost[index] == 0 and string.match(call('GETRANGE', JOB .. id, 0, 64), '^%w+ (%d+)')
    if sequence and tonumber(sequence) > after then
      found[#found + 1] = { id = id, sequence = tonumber(sequence) }
    end
  end
end

for at = 7, #ARGV do
  local queue = ARGV[at]
  local scored = call(
    'ZRANGEBYSCORE', P .. state .. ':' .. queue, '(' .. ARGV[6], '+inf', 'WITHSCORES', 'LIMIT', 0, window
  )
  is_cut = is_cut or #scored == 2 * window
  for index = 1, #scored, 2 do
    found[#found + 1] = { id = scored[index], sequence = tonumber(scored[index + 1]) }
  end
  if state == 'queued' then
    add_fresh(queue, queue)
    for _, kind in ipairs(call('SMEMBERS', P .. 'lanes:' .. queue)) do
      add_fresh(queue, queue .. '/' .. kind)
    end
  end
end
table.sort(found, function(a, b)
  return a.sequence < b.sequence
end)

local L = life()
local removed, looked = 0, 0
-- Of jobs in send order, those behind one that is too young are, too.
local is_done = false
for index = 1, math.min(#found, window) do
  if removed == limit or is_done then
    break
  end
  looked = index
  local job = L.load(found[index].id)
  -- The removal of one may have ended another, which waited for it.
  if job and job.state == state then
    if L.is_terminal(state) then
      if job.finished + older_than <= now and not L.is_pinned(job) then
        L.remove(job)
        removed = removed + 1
      end
    elseif not job.is_held then
      is_done = job.created + older_than > now
      if not is_done and not L.has_waiters(job.id) then
        L.remove(job)
        removed = removed + 1
      end
    end
  end
end
end_step(tonumber(ARGV[1]), false)
local has_more = looked > 0 and not is_done and (looked < #found or is_cut)
return { removed, has_more and int(found[looked].sequence) or '0' }
