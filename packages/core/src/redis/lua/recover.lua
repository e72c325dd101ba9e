-- One bounded turn of maintenance: expired leases, due jobs, retention, tombstones.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 tombstones to keep, 2 their min age in milliseconds, 3 max jobs of each kind; with a beat: 4 the worker's id,
--        5 what it runs, as JSON
-- Answer {requeued, stalled, promoted, trimmed, 1 if there is more to do, damage found since the last turn, milliseconds
--        until a turn has something to do or -1, 1 if the worker isn't registered}
-- Cost   a few commands if there is nothing to do; about ten per job otherwise, three per trimmed job
-- @import STALLED_ERROR from engine/engine-errors
-- @import STALLED_TITLE from engine/failure-groups
-- @include lib/drain
-- @include lib/audit
-- @include lib/due
-- @include lib/lanes
-- @include lib/leases
-- @include lib/lifecycle
-- @include lib/metrics
-- @include lib/step
-- @include lib/tombs
-- @include lib/workers

audit()

local dead = call('ZRANGEBYSCORE', P .. 'workers:seen', '-inf', now_text)
if #dead > 0 then
  drop_workers(dead)
end
local is_unregistered = 0
if ARGV[4] and string.find(call('HGET', P .. 'workers', ARGV[4]) or '', '^%d+ {') then
  call('HSET', P .. 'workers:running', ARGV[4], ARGV[5])
  keep_worker(ARGV[4])
elseif ARGV[4] then
  is_unregistered = 1
end

local limit = tonumber(ARGV[3])
-- Sets of kept jobs that one turn looks at. If there are more, they are chosen at random.
local MAX_KINDS = 500

-- The cursor of the scan for jobs of expired claims, for the next turn. The scan starts anew when the cursor expires.
local CURSOR = P .. 'recovering'
local CURSOR_LIFETIME = 60000

local expired = {}
local before, after = '0', '0'
local tokens = call('ZRANGEBYSCORE', P .. 'leases', '-inf', now_text, 'LIMIT', 0, limit)
if #tokens > 0 then
  local is_expired = {}
  for _, token in ipairs(tokens) do
    is_expired[token] = true
  end
  -- In send order, so that jobs end in the same order on every engine.
  before = string.match(call('GET', CURSOR) or '', '^%d+$') or '0'
  expired, after = held_by(is_expired, before)
  if before == '0' and after == '0' then
    for _, job in ipairs(expired) do
      is_expired[job.token] = nil
    end
    -- Claims without jobs.
    for token in pairs(is_expired) do
      call('HDEL', P .. 'claims', token)
      call('ZREM', P .. 'leases', token)
      report('mended', 'claims')
    end
  end
end

local requeued, stalled = 0, 0

local function count_stall(job, kind)
  local message = job.profile.m
  life().count_failure(job, cjson.encode({ 'stalled:' .. message, 'STALLED', STALLED_TITLE }), kind)
end

local function stall(job)
  unhold(job)
  local error = string.format(STALLED_ERROR, job.epoch)
  job.stalls = job.stalls + 1
  job.attempt = job.attempt - 1
  life().record_failure(job, error)
  tally(job.profile, 'stalled', 1)
  requeued = requeued + 1
  if job.is_cancelling then
    life().finish_cancelling(job)
  elseif job.stalls >= job.profile.t then
    requeued = requeued - 1
    stalled = stalled + 1
    life().finish(job, 'failed', error)
    count_stall(job, 'failed')
  else
    count_stall(job, 'retried')
    life().release(job, 0)
  end
  life().propagate()
end

local is_cut = false
for index, job in ipairs(expired) do
  is_cut = is_cut or index > limit or life().is_spent()
  -- The end of another job may have voided its reservation.
  if job.is_held and not is_cut then
    life().break_run(job)
    if job.state == 'active' then
      stall(job)
    end
  end
end

if is_cut then
  -- The same page again: the jobs done so far are no longer on it.
  after = before
end
if after ~= '0' then
  call('SET', CURSOR, after, 'PX', CURSOR_LIFETIME)
elseif before ~= '0' then
  call('DEL', CURSOR)
end

local promoted = promote_due(limit)
lanes().join_empty()

local trimmed = 0
local next_expiry = math.huge
for _, kept in ipairs(call('SRANDMEMBER', P .. 'kept', MAX_KINDS)) do
  if trimmed < limit then
    local n, expires = life().trim(kept, limit - trimmed)
    trimmed = trimmed + n
    next_expiry = math.min(next_expiry, expires)
  end
end

local since = tonumber(call('GET', P .. 'tombs:since') or nil)
if not since then
  call('SET', P .. 'tombs:since', now)
elseif now - since >= tonumber(ARGV[2]) then
  rotate_tombs()
end

end_step(tonumber(ARGV[1]), false)
local is_left = lifecycle and (lifecycle.is_spent() or lifecycle.leaves_undecided())
local more = is_left or after ~= '0' or #expired >= limit or promoted >= limit or trimmed >= limit
local damage = call('LRANGE', P .. 'corrupt:new', 0, -1)
if #damage > 0 then
  call('DEL', P .. 'corrupt:new')
end
local due_in = next_in({}, false)
if next_expiry < math.huge then
  local expires_in = math.max(0, next_expiry - now)
  due_in = due_in < 0 and expires_in or math.min(due_in, expires_in)
end
return { requeued, stalled, promoted, trimmed, more and 1 or 0, damage, due_in, is_unregistered }
