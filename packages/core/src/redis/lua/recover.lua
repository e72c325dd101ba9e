-- One bounded turn of maintenance: expired leases, due jobs, retention, tombstones.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 tombstones to keep, 2 their min age in milliseconds, 3 max jobs of each kind
-- Answer {requeued, stalled, promoted, trimmed, 1 if there is more to do, damage found since the last turn}
-- Cost   a few commands if there is nothing to do; about ten per job otherwise, three per trimmed job
-- @import STALLED_ERROR from engine/engine-errors
-- @include lib/drain
-- @include lib/audit
-- @include lib/due
-- @include lib/lanes
-- @include lib/leases
-- @include lib/lifecycle
-- @include lib/metrics
-- @include lib/step
-- @include lib/tombs

audit()

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

local function stall(job)
  unhold(job)
  local error = string.format(STALLED_ERROR, job.epoch)
  job.stalls = job.stalls + 1
  job.attempt = job.attempt - 1
  life().record_failure(job, error)
  tally(job.queue, 'stalled', 1)
  requeued = requeued + 1
  if job.is_cancelling then
    life().finish_cancelling(job)
  elseif job.stalls >= job.profile.t then
    requeued = requeued - 1
    stalled = stalled + 1
    life().finish(job, 'failed', error)
  else
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
for _, kept in ipairs(call('SRANDMEMBER', P .. 'kept', MAX_KINDS)) do
  if trimmed < limit then
    trimmed = trimmed + life().trim(kept, limit - trimmed)
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
return { requeued, stalled, promoted, trimmed, more and 1 or 0, damage }
