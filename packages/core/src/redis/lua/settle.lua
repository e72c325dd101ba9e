-- Ends attempts, then claims if asked to. A stale outcome changes nothing. Begins its writes with removals, so
-- that a Redis at `maxmemory` can be drained.
--
-- KEYS   1 the namespace's prefix
-- ARGV   1 tombstones to remember
--        2 number of outcomes, then of each: id, "type epoch delay token" (type c, r, f or x: complete, retry, fail,
--          cancel), result or error as JSON, or ""
--        then, when it is to claim, as in claim.lua from its first argument on
-- Answer {verdicts (1 accepted, 0 stale), what claim.lua answers, the paused ones of the queues to claim from}; fewer
--        verdicts than outcomes, and nothing claimed, when the step is full: the rest are for another
-- Cost   a few commands, each linear in the outcomes, for plain jobs that aren't kept; some ten a job otherwise
-- @include lib/time
-- @include lib/base
-- @include lib/drain
-- @include lib/profiles
-- @include lib/metrics
-- @include lib/events
-- @include lib/wake
-- @include lib/tombs
-- @include lib/claims
-- @include lib/lifecycle
-- @include lib/step
-- @include lib/due
-- @include lib/claim

local n = tonumber(ARGV[2])
local verdicts = {}
local freed = {}
local running = {}
-- Jobs that completed straight through in this call: a second outcome of one is stale.
local completed = {}

local function free(id, queue, token, is_counted)
  freed[#freed + 1] = id
  let_go(token, 1)
  if is_counted then
    running[queue] = (running[queue] or 0) + 1
  end
end

-- Jobs of one message that one claim began together. They mostly complete straight through, and one after the other:
-- what is the same of all is worked out once, and counted at the end.
local cohorts = {}
local last_cohort = {}

-- `terms`: what records of jobs with nothing but their own key end with, from the start on.
local function cohort_of(profile_id, terms)
  if last_cohort.terms == terms and last_cohort.profile_id == profile_id then
    return last_cohort
  end
  local name = profile_id .. ' ' .. terms
  local cohort = cohorts[name]
  if cohort == nil then
    local started, token = string.match(terms, '^(%d+) 1 0 0 0 %- (%S+)$')
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
      let_go(cohort.token, n)
      running[queue] = (running[queue] or 0) + n
      tally(queue, 'completed', n)
      tally_time(queue, 'r', now - cohort.started, n)
    end
  end
end

local function flush_freed()
  flush_cohorts()
  call_each('HDEL', P .. 'active', freed)
  for queue, count in pairs(running) do
    call('HINCRBY', P .. 'running', queue, -count)
  end
  if lifecycle then
    lifecycle.flush_begun()
    -- What follows may claim, and looks at what is written.
    lifecycle.flush()
  end
end

local function settle_one(job, type, delay, text)
  local L = life()
  if type == 'c' then
    L.finish(job, 'completed', nil, text)
  else
    if type ~= 'x' then
      L.record_failure(job, text)
    end
    -- Also when the worker hadn't heard yet: a job told to stop completes or is cancelled.
    if type == 'x' or job.is_cancelling then
      L.finish(job, 'cancelled', text)
    elseif type == 'f' then
      L.finish(job, 'failed', text)
    else
      tally(job.queue, 'retried', 1)
      tally_time(job.queue, 'r', now - job.started)
      L.give_back(job, delay)
      call('HSET', P .. 'state:' .. job.id, 'err', text)
    end
  end
  L.propagate()
end

-- Whether completed jobs of a message are kept, so that one more must take its place among them.
local is_kept = {}

local function keeps(profile)
  if lifecycle then
    return lifecycle.has_kept(profile.kept_completed)
  end
  local kept = profile.kept_completed
  if is_kept[kept] == nil then
    is_kept[kept] = call('EXISTS', P .. 'kept:' .. kept) == 1
  end
  return is_kept[kept]
end

local is_anyone_waiting = call('EXISTS', P .. 'waiters') == 1

-- Completes a job that never ran before and has no more than its own key. Answers whether it was one.
local function settle_plain(id, record, token, text)
  local profile_id, sequence, terms = string.match(record, '^1 (%w+) (%d+) (.*)$')
  local cohort = profile_id and cohort_of(profile_id, terms)
  if not cohort or cohort.claim ~= token or lifecycle and lifecycle.jobs[id] then
    return false
  end
  local profile = cohort.profile
  cohort.n = cohort.n + 1
  freed[#freed + 1] = id
  completed[id] = true
  if heard() then
    emit('completed', id, profile.q, profile.m, 1, text or false, false)
  end
  if not is_anyone_waiting or not life().complete_read(id, cohort, sequence, text) then
    if profile.cc == 0 and not keeps(profile) then
      bury(id, profile, 'completed', false)
    else
      life().keep_plain(id, cohort, sequence, text)
    end
  end
  return true
end

local function settle(id, record, type, epoch, delay, token, text)
  local job = life().load(id, record)
  -- One that is reserved hasn't begun: whoever says how it ended is ahead of its turn.
  if not job or job.state ~= 'active' or job.epoch ~= tonumber(epoch) or not is_of_claim(job.token, token) then
    return 0
  end
  free(id, job.queue, job.token, not job.has_just_begun)
  settle_one(job, type, delay, text)
  return 1
end

-- The token in the outcome of a job that completed its first attempt, false for any other outcome: one text for all
-- jobs of a claim.
local plain_tokens = {}

local function plain_token_of(outcome)
  local token = plain_tokens[outcome]
  if token == nil then
    token = string.match(outcome, '^c 1 0 (%S+)$') or false
    plain_tokens[outcome] = token
  end
  return token
end

for first = 1, n, CHUNK do
  local last = math.min(first + CHUNK - 1, n)
  local ids = {}
  for index = first, last do
    ids[index - first + 1] = ARGV[3 * index]
  end
  local records = call('HMGET', P .. 'active', unpack(ids))
  if is_anyone_waiting then
    life().read_waiters(ids)
  end
  for index = first, last do
    if lifecycle and lifecycle.is_spent() then
      break
    end
    local id, record = ids[index - first + 1], records[index - first + 1]
    local text = ARGV[3 * index + 2]
    verdicts[index] = 0
    if record and not completed[id] then
      text = text ~= '' and text or nil
      local outcome = ARGV[3 * index + 1]
      local token = plain_token_of(outcome)
      if token and settle_plain(id, record, token, text) then
        verdicts[index] = 1
      else
        local type, epoch, delay, claim = string.match(outcome, '^(%a) (%d+) (%d+) (%S+)$')
        verdicts[index] = settle(id, record, type, epoch, tonumber(delay), claim, text)
      end
    end
  end
end
if #freed > 0 then
  flush_freed()
end

local claimed, paused = {}, {}
local at = 3 + 3 * n
if ARGV[at] and #verdicts == n then
  claimed, paused = claim(
    { unpack(ARGV, at + 4) }, tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2], tonumber(ARGV[at + 3])
  )
end
end_step(tonumber(ARGV[1]), true)
return { verdicts, claimed, paused }
