-- Ends attempts, then claims if asked to. A stale outcome changes nothing. The first writes are removals, so that
-- workers can drain a Redis at `maxmemory`.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   1 tombstones to keep
--        2 number of outcomes, then of each: id, "type epoch delay token[ group]" (type c, r, f or x: complete, retry,
--          fail, cancel; group: JSON of its fingerprint, code, title and frame) or "" if it is the same as of the one
--          before, result or error as JSON or ""
--        then, to claim, the arguments of claim.lua
-- Answer {verdicts (1 accepted, 0 stale), claimed, the paused ones of the queues, milliseconds}; `claimed` and
--        milliseconds as in claim.lua. Fewer verdicts than outcomes, and nothing claimed, if the step has used up its
--        points: the rest needs another call.
-- Cost   a few commands, each linear in the outcomes, for plain jobs that aren't kept; about ten per job otherwise
-- @include lib/drain
-- @include lib/claim
-- @include lib/claims
-- @include lib/due
-- @include lib/events
-- @include lib/held
-- @include lib/lifecycle
-- @include lib/metrics
-- @include lib/profiles
-- @include lib/step
-- @include lib/tombs

local n = tonumber(ARGV[2])
local verdicts = {}
local freed, n_freed = {}, 0
-- Jobs that completed straight through in this call and are kept: a second outcome of one is stale.
local completed = {}

local function unhold(id, queue, token, is_counted)
  n_freed = n_freed + 1
  freed[n_freed] = id
  drop_from_claim(token, 1)
  if is_counted then
    count_running(queue, -1)
  end
end

-- Jobs of one message that one claim started together. Most complete straight through, one after the other. What they
-- share is computed once, and they are counted together.
local cohorts = {}
local last_cohort = {}

-- `terms`: see lib/held.lua.
local function cohort_of(profile_id, terms)
  if last_cohort.terms == terms and last_cohort.profile_id == profile_id then
    return last_cohort
  end
  local name = profile_id .. ' ' .. terms
  local cohort = cohorts[name]
  if cohort == nil then
    local started, token = string.match(terms, FIRST_TERMS)
    local profile = started and profile_of(profile_id)
    cohort = profile and {
      profile_id = profile_id, terms = terms, profile = profile, started = started, token = token, n = 0,
      claim = string.match(token, '^[^+]*'),
    } or false
    cohorts[name] = cohort
  end
  last_cohort = cohort or last_cohort
  return cohort
end

local function flush_cohorts()
  for _, cohort in pairs(cohorts) do
    if cohort and cohort.n > 0 then
      local queue, n = cohort.profile.q, cohort.n
      drop_from_claim(cohort.token, n)
      count_running(queue, -n)
      tally(cohort.profile, 'completed', n)
      tally_time(cohort.profile, 'r', now - cohort.started, n)
    end
  end
end

local function flush_freed()
  flush_cohorts()
  call_each('HDEL', P .. 'active', freed)
  if lifecycle then
    lifecycle.flush_started()
    -- A claim may follow, which reads what is pending.
    lifecycle.flush()
  end
end

-- `group`: "" if the failure isn't counted in one.
local function settle_one(job, type, delay, text, group)
  local L = life()
  if type == 'c' then
    L.finish(job, 'completed', nil, text)
  else
    if type ~= 'x' then
      L.record_failure(job, text)
    end
    -- Even if the worker didn't know yet: a job that was told to stop completes or is cancelled.
    if type == 'x' or job.is_cancelling then
      L.finish(job, 'cancelled', text)
      group = ''
    elseif type == 'f' then
      L.finish(job, 'failed', text)
    else
      tally(job.profile, 'retried', 1)
      tally_time(job.profile, 'r', now - job.started)
      L.release(job, delay)
      call('HSET', P .. 'state:' .. job.id, 'err', text)
    end
    if group ~= '' then
      L.count_failure(job, group, type == 'f' and 'failed' or 'retried')
    end
  end
  L.propagate()
end

-- Whether completed jobs of a message are kept. Then one more must be added to them.
local is_kept = {}

local function keeps(profile)
  if lifecycle then
    return lifecycle.has_kept(profile.kept_completed)
  end
  local kept = profile.kept_completed
  if is_kept[kept] == nil then
    is_kept[kept] = call_unchecked('EXISTS', P .. 'kept:' .. kept) == 1
  end
  return is_kept[kept]
end

local match = string.match
local must_emit
local structures = call_unchecked('EXISTS', P .. 'waiters', P .. 'dependents')
local is_anyone_waiting = structures == 2 or structures == 1 and call_unchecked('EXISTS', P .. 'waiters') == 1
has_dependents = structures == 2 or structures == 1 and not is_anyone_waiting

-- Completes a job that never ran before and has nothing but its own key. Answers whether it is one.
local function settle_plain(id, record, token, text)
  local profile_id, sequence, terms = match(record, FIRST_HELD)
  local cohort = profile_id and cohort_of(profile_id, terms)
  if not cohort or cohort.claim ~= token or lifecycle and lifecycle.jobs[id] then
    return false
  end
  local profile = cohort.profile
  cohort.n = cohort.n + 1
  n_freed = n_freed + 1
  freed[n_freed] = id
  if must_emit then
    emit('completed', id, profile.q, profile.m, 1, text or false, false)
  end
  if is_anyone_waiting and life().complete_read(id, cohort, sequence, text) then
    completed[id] = true
  elseif profile.cc == 0 and not keeps(profile) then
    delete_job(id, profile, 'completed', false)
  else
    completed[id] = true
    life().keep_plain(id, cohort, sequence, text)
  end
  return true
end

local function settle(id, record, type, epoch, delay, token, group, text)
  local job = life().load(id, record)
  -- A reserved job hasn't started, so an outcome for it is stale.
  if not job or job.state ~= 'active' or job.epoch ~= tonumber(epoch) or not is_of_claim(job.token, token) then
    return 0
  end
  unhold(id, job.queue, job.token, not job.has_just_started)
  settle_one(job, type, delay, text, group)
  return 1
end

-- Outcomes of jobs of one claim usually have the same text. `token`: nil unless it is the completion of a first
-- attempt.
local outcome, token

for first = 1, n, CHUNK do
  local last = math.min(first + CHUNK - 1, n)
  local ids = {}
  for index = first, last do
    ids[index - first + 1] = ARGV[3 * index]
  end
  local records = call('HMGET', P .. 'active', unpack(ids))
  must_emit = wants('completed', 1, ids)
  if is_anyone_waiting then
    life().read_waiters(ids)
  end
  for index = first, last do
    if lifecycle and lifecycle.is_spent() then
      break
    end
    local id, record = ids[index - first + 1], records[index - first + 1]
    local text = ARGV[3 * index + 2]
    if ARGV[3 * index + 1] ~= '' then
      outcome = ARGV[3 * index + 1]
      token = string.match(outcome, '^c 1 0 (%S+)$')
    end
    verdicts[index] = 0
    if record and not completed[id] and not deleted[id] then
      text = text ~= '' and text or nil
      if token and settle_plain(id, record, token, text) then
        verdicts[index] = 1
      else
        local type, epoch, delay, claim_token, group = string.match(outcome, '^(%a) (%d+) (%d+) (%S+) ?(.*)$')
        verdicts[index] = settle(id, record, type, epoch, tonumber(delay), claim_token, group, text)
      end
    end
  end
end
if n_freed > 0 then
  flush_freed()
end

local claimed, paused, is_unsorted = {}, {}, nil
local at = 3 + 3 * n
if ARGV[at] and #verdicts == n then
  claimed, paused, is_unsorted = claim(
    { unpack(ARGV, at + 5) }, tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2], tonumber(ARGV[at + 3]),
    ARGV[at + 4]
  )
end
end_step(tonumber(ARGV[1]), true)
return { verdicts, claimed, paused, is_unsorted == nil and -1 or next_in(claimed, is_unsorted) }
