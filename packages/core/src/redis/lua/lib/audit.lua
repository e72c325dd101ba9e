-- Checks a few jobs per turn, and all jobs over time: each must be in the structures of its state. Restores what other
-- programs deleted, as far as the jobs themselves tell.
-- @import LAYOUT from redis/connection/layout
-- @include lib/header
-- @include lib/lifecycle
-- @include lib/search
-- @include lib/tombs
-- @include lib/workers

local AUDIT_PAGE_SIZE = 100
-- Of all workers together.
local AUDIT_INTERVAL = 1000

local function is_in(key, member)
  return call('ZSCORE', key, member)
end

-- Adds a job to a structure if it is missing there. Answers whether it was.
local function restore(key, score, member)
  if is_in(key, member) then
    return false
  end
  call('ZADD', key, score, member)
  report('mended', string.sub(key, #P + 1))
  return true
end

local function requeue(job)
  report('mended', 'queued:' .. job.queue)
  job.state = 'blocked'
  life().place(job)
end

-- A queued job that isn't in the sorted sets of its queue: it is in the fresh list, or has lost its place.
local function audit_unlisted(job)
  local L = life()
  if not job.has_state then
    if L.may_be_fresh(job) then
      return
    end
    if is_in(P .. 'completed:' .. job.queue, job.id) then
      -- Its result is lost, but it must still count as completed: other jobs may depend on that.
      report('mended', 'ended')
      call('HSET', P .. 'ended', job.id, job.profile_id .. ' ' .. now_text .. ' ' .. now_text)
      return
    end
    for _, state in ipairs({ 'blocked', 'scheduled', 'failed', 'cancelled' }) do
      if is_in(P .. state .. ':' .. job.queue, job.id) then
        -- Its `state:` hash is lost, and with it how it got there.
        return L.mark_lost(job.id)
      end
    end
  end
  requeue(job)
end

local function audit_queued(job)
  local ready, queued = P .. 'ready:' .. job.queue, P .. 'queued:' .. job.queue
  local is_ready = is_in(ready, job.id) or is_in(P .. 'ready:' .. life().lane_of(job), job.id)
  local is_queued = is_in(queued, job.id)
  if not is_ready and not is_queued then
    audit_unlisted(job)
  elseif not is_ready then
    restore(ready, job.priority * PRIORITY_STEP + job.sequence, job.id)
  elseif not is_queued then
    restore(queued, int(job.sequence), job.id)
  end
end

-- Checks that a blocked job waits for as many dependencies as its state says. Registers it again with dependencies that
-- have forgotten it, or decides it by how they ended.
local function audit_dependencies(job)
  local L = life()
  local deps, waits, missed = L.deps_of(job), 0, nil
  for at = 1, #deps, 2 do
    local id, policy = deps[at], deps[at + 1]
    local dependency, cascade = L.load(id), L.cascade_of(id)
    -- Not a job that was sent again since, with the same id.
    local is_known = dependency and dependency.created <= job.created
    local letter, place
    if is_known or not dependency then
      letter, place = L.letter_of(id, job.id)
    end
    if letter and letter ~= '-' then
      if not dependency and not cascade then
        -- Decides this job like the others that depend on it.
        return L.mark_lost(id)
      end
      local state = cascade and cascade.state or dependency.state
      local is_decided = state == 'completed' or L.is_terminal(state) and letter == 'r'
      if not is_decided or cascade and place > cascade.place then
        waits = waits + 1
      end
    elseif is_known and not letter then
      report('mended', 'waiters')
      local state = dependency.state
      if not L.is_terminal(state) or policy == 'h' and state ~= 'completed' then
        L.set_waiter(id, job.id, policy)
        waits = waits + 1
      elseif state == 'completed' or policy == 'r' then
        L.set_waiter(id, job.id, '-')
      else
        missed = missed or { id = id, state = state, job = dependency }
      end
    elseif not dependency and policy ~= 'r' then
      local state = ending_of(tomb_of(id) or 'ca')
      if state ~= 'completed' then
        missed = missed or { id = id, state = state, is_removed = true, tail = '"}' }
      end
    end
  end
  if job.pending > waits then
    report('mended', 'state:' .. job.id)
    if missed then
      return L.cancel_dependent(job, missed)
    end
    job.pending = waits
    L.place(job)
  end
end

local function audit_blocked(job)
  local L = life()
  restore(P .. 'blocked:' .. job.queue, int(job.sequence), job.id)
  if job.key then
    local line, heads = P .. 'line:' .. job.queue .. ':' .. job.key, P .. 'heads:' .. job.queue
    restore(line, int(job.sequence), job.id)
    local head = call('HGET', heads, job.key)
    local holder = head and L.load(head)
    if head and not holder then
      L.mark_lost(head)
    elseif not head then
      local first = L.load(call('ZRANGE', line, 0, 0)[1])
      if first then
        report('mended', 'heads:' .. job.queue)
        call('HSET', heads, job.key, first.id)
        first.turn = true
        L.place(first)
      end
    end
  end
  -- Left to a later turn if this step has no budget left.
  if job.has_deps and not life().is_spent() then
    audit_dependencies(job)
  end
  -- The job has its turn and waits for nothing, so it was active and its record is lost. (The state of a reserved job
  -- isn't written when it starts.)
  local waits_for_turn = job.state == 'blocked' and job.pending == 0 and job.key
  if waits_for_turn and call('HGET', P .. 'heads:' .. job.queue, job.key) == job.id then
    requeue(job)
  end
end

-- Members that one turn checks in each of a queue's sorted sets.
local AUDIT_MEMBERS = 20
local SET_STATES = { 'blocked', 'scheduled', 'queued', 'completed', 'failed', 'cancelled' }

-- Removes members whose job is gone or in another state: they would be counted for ever.
local function audit_sets(queue)
  local L = life()
  for _, state in ipairs(SET_STATES) do
    local key = P .. state .. ':' .. queue
    for _, id in ipairs(call('ZRANDMEMBER', key, AUDIT_MEMBERS)) do
      local job = L.load(id)
      if not job then
        L.mark_lost(id)
      elseif job.state ~= state then
        call('ZREM', key, id)
        report('mended', state .. ':' .. queue)
      end
    end
  end
end

-- Notes void entries of a fresh list in `ghosts:` again, of some at a place that changes. (Redis seeds `math.random` alike
-- for each call.)
local function audit_fresh(queue, name)
  local fresh, ghosts = P .. 'fresh:' .. name, P .. 'ghosts:' .. queue
  local first = now % math.max(1, call('LLEN', fresh) - AUDIT_MEMBERS)
  for _, id in ipairs(call('LRANGE', fresh, first, first + AUDIT_MEMBERS - 1)) do
    local start = call_unchecked('GETRANGE', JOB .. id, 0, 255)
    local is_void = start == '' or string.find(string.match(start, HEADER_FLAGS) or '', VOID)
    if is_void and call('SADD', ghosts, id) == 1 then
      report('mended', 'ghosts:' .. queue)
      life().drop_ghosts(queue, name)
    end
  end
end

-- Checks that the ghosts of a queue have entries in its fresh lists.
local function audit_ghosts(queue)
  local entries, names = 0, { queue }
  for _, kind in ipairs(call('SMEMBERS', P .. 'lanes:' .. queue)) do
    names[#names + 1] = queue .. '/' .. kind
  end
  for _, name in ipairs(names) do
    audit_fresh(queue, name)
    entries = entries + call('LLEN', P .. 'fresh:' .. name)
  end
  if call('SCARD', P .. 'ghosts:' .. queue) > entries then
    -- A list was deleted. Void entries of others are found as above.
    report('mended', 'fresh:' .. queue)
    call('UNLINK', P .. 'ghosts:' .. queue)
  end
end

-- Restores the names that lead to the lanes of a split queue.
local function restore_lane(job)
  local lane = life().lane_of(job)
  if call('EXISTS', P .. 'fresh:' .. lane, P .. 'ready:' .. lane) > 0 then
    local is_new = call('SADD', P .. 'lanes:' .. job.queue, string.sub(lane, #job.queue + 2))
    if is_new + call('SADD', P .. 'paused', '/' .. job.queue) > 0 then
      report('mended', 'lanes:' .. job.queue)
    end
  end
end

-- Restores a job's entries in the index of searchable fields.
local function restore_index(job)
  for key, entries in pairs(search_index().entries_of(job.id, job.profile)) do
    for _, entry in ipairs(entries) do
      restore(key, 0, entry)
    end
  end
end

-- Removes entries of jobs that are gone. `text`: a profile.
local function audit_index(text)
  local is_read, profile = pcall(cjson.decode, text)
  for _, field in ipairs(is_read and type(profile) == 'table' and profile.s or {}) do
    local key = search_index().key(profile.m, field)
    for _, entry in ipairs(call('ZRANDMEMBER', key, AUDIT_MEMBERS)) do
      if call('EXISTS', JOB .. (string.match(entry, '%z([^%z]*)$') or '')) == 0 then
        call('ZREM', key, entry)
        report('mended', string.sub(key, #P + 1))
      end
    end
  end
end

local queues_seen = {}

-- Restores the queue in `queues`, where counts and lists look.
local function restore_queue(queue)
  if not queues_seen[queue] then
    queues_seen[queue] = true
    if call('SADD', P .. 'queues', queue) == 1 then
      report('mended', 'queues')
    end
  end
end

local function audit_one(id)
  local L = life()
  local job = L.load(id)
  if not job then
    return
  end
  restore_queue(job.queue)
  if job.profile.s then
    restore_index(job)
  end
  if job.is_held then
    if not is_in(P .. 'leases', job.token) then
      call('HSETNX', P .. 'claims', job.token, 1)
      restore(P .. 'leases', now_text, job.token)
    end
  elseif job.state == 'active' then
    -- Its record is gone.
    requeue(job)
  elseif job.state == 'queued' then
    restore_lane(job)
    audit_queued(job)
  elseif job.state == 'scheduled' then
    restore(P .. 'scheduled:' .. job.queue, int(job.sequence), id)
    restore(P .. 'due', int(job.at), L.due_entry(job))
  elseif job.state == 'blocked' then
    audit_blocked(job)
  elseif L.is_terminal(job.state) then
    restore(P .. job.state .. ':' .. job.queue, int(job.sequence), id)
    L.drop_lost_readers(job)
    L.retain(job)
  end
end

-- No attempts run while nothing is held.
local function audit_running()
  local counts = call('HGETALL', P .. 'running')
  for at = 2, #counts, 2 do
    if counts[at] ~= '0' then
      report('mended', 'running')
      call('DEL', P .. 'running')
      return
    end
  end
end

-- Drops workers that were removed from `workers:seen`. Those that live register again.
local function audit_workers()
  local seen = call('ZCARD', P .. 'workers:seen')
  for _, key in ipairs({ 'workers', 'workers:running' }) do
    if call('HLEN', P .. key) > seen then
      local lost = {}
      local fields = call('HGETALL', P .. key)
      for at = 1, #fields, 2 do
        if not is_in(P .. 'workers:seen', fields[at]) then
          lost[#lost + 1] = fields[at]
        end
      end
      drop_workers(lost)
      report('mended', key)
    end
  end
end

-- Drops jobs that are gone from a failure group, and a group that has lost its counts.
local function audit_group()
  local groups = P .. 'groups'
  local fingerprint = call('ZRANDMEMBER', groups)
  if not fingerprint then
    return
  end
  if call('EXISTS', P .. 'group:' .. fingerprint) == 0 then
    call('ZREM', groups, fingerprint)
    call('UNLINK', P .. 'grouped:' .. fingerprint)
    return
  end
  local gone = {}
  for _, id in ipairs(call('ZRANGE', P .. 'grouped:' .. fingerprint, 0, AUDIT_PAGE_SIZE - 1)) do
    if call('EXISTS', JOB .. id) == 0 then
      gone[#gone + 1] = id
    end
  end
  call_each('ZREM', P .. 'grouped:' .. fingerprint, gone)
end

-- Drops the dependents of jobs that are gone.
local function audit_dependents()
  for _, id in ipairs(call('HRANDFIELD', P .. 'dependents', AUDIT_MEMBERS)) do
    if call_unchecked('EXISTS', JOB .. id) == 0 then
      call('HDEL', P .. 'dependents', id)
      report('mended', 'dependents')
    end
  end
end

local function audit()
  local since, cursor = string.match(call('GET', P .. 'audit') or '', '^(%d+) (%d+)$')
  if since and now - since < AUDIT_INTERVAL then
    return
  end
  if not call('GET', P .. 'layout') then
    call('SET', P .. 'layout', LAYOUT)
  end
  if call('EXISTS', P .. 'cascades:order') == 1 then
    restore(P .. 'due', 0, CASCADING)
  end
  if call('EXISTS', P .. 'active') == 0 then
    audit_running()
  end
  audit_workers()
  local queue = call('SRANDMEMBER', P .. 'queues')
  if queue then
    audit_sets(queue)
    audit_ghosts(queue)
  end
  audit_group()
  audit_dependents()
  local page = call('SCAN', cursor or '0', 'MATCH', JOB .. '*', 'COUNT', AUDIT_PAGE_SIZE)
  for _, key in ipairs(page[2]) do
    audit_one(string.sub(key, #JOB + 1))
  end
  local texts = page[1] == '0' and call('HGETALL', P .. 'profiles') or {}
  for at = 2, #texts, 2 do
    audit_index(texts[at])
  end
  life().flush()
  call('SET', P .. 'audit', now_text .. ' ' .. page[1])
end
