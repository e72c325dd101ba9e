-- One bounded turn of maintenance: expired leases, due jobs, retention, tombstones. Begins its writes with removals.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 tombstones to remember, 2 their least age in milliseconds, 3 most jobs of each kind
-- Answer {requeued, stalled, promoted, trimmed, 1 when there is more, what was found damaged since the last turn}
-- Cost   a few commands when there is nothing to do; some ten a job otherwise, three a job trimmed
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
-- Kinds of finished jobs that one turn looks at: all, or where there are more, any.
local MAX_KINDS = 500

-- Where looking for the jobs of expired claims goes on, in the next steps. It begins anew when nobody goes on with it.
local PLACE = P .. 'recovering'
local PLACE_LIFETIME = 60000

local expired = {}
local before, after = '0', '0'
local tokens = call('ZRANGEBYSCORE', P .. 'leases', '-inf', now_text, 'LIMIT', 0, limit)
if #tokens > 0 then
  local is_expired = {}
  for _, token in ipairs(tokens) do
    is_expired[token] = true
  end
  -- In send order, so that what ends here ends in the same order on every engine.
  before = string.match(call('GET', PLACE) or '', '^%d+$') or '0'
  expired, after = held_by(is_expired, before)
  if before == '0' and after == '0' then
    for _, job in ipairs(expired) do
      is_expired[job.token] = nil
    end
    -- Claims whose jobs are gone.
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
  -- Another one's end may have voided its reservation.
  if job.is_held and not is_cut then
    life().break_run(job)
    if job.state == 'active' then
      stall(job)
    end
  end
end

if is_cut then
  -- The same page again: those that are done are no longer in it.
  after = before
end
if after ~= '0' then
  call('SET', PLACE, after, 'PX', PLACE_LIFETIME)
elseif before ~= '0' then
  call('DEL', PLACE)
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
local is_left = lifecycle and (lifecycle.is_spent() or lifecycle.is_left())
local more = is_left or after ~= '0' or #expired >= limit or promoted >= limit or trimmed >= limit
local damage = call('LRANGE', P .. 'corrupt:new', 0, -1)
if #damage > 0 then
  call('DEL', P .. 'corrupt:new')
end
return { requeued, stalled, promoted, trimmed, more and 1 or 0, damage }
