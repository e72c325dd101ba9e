-- Kept finished jobs, by message type and kind of ending, in the order in which they ended.
-- @include lib/lifecycle/jobs
-- @include lib/profiles
-- @include lib/tombs

-- Max jobs that one ending trims.
local MAX_TRIMMED = 4
-- By key: the oldest kept jobs as far as this step has read them, and the members that this step removes.
local windows = {}
local removals = {}
local TRIM_WINDOW = 100

local function kept_of(profile, state)
  return state == 'completed' and profile.kept_completed or profile.kept_failed
end

-- How long and how many jobs of a state are kept: milliseconds and a count.
local function bound_of(profile, state)
  if state == 'completed' then
    return profile.ca, profile.cc
  end
  return profile.fa, profile.fc
end

-- The entry of a kept job has all that trimming needs: profile, state, "e" or "s" (its end is in `ended` or `state:`),
-- when it ended, and its id.
local function entry_of(job)
  return job.profile_id .. ' ' .. job.state .. (job.is_ended and ' e ' or ' s ') .. int(job.finished) .. ' ' .. job.id
end

-- The same for a job in `ended`, from texts.
local function ended_entry(profile_id, finished, id)
  return profile_id .. ' completed e ' .. finished .. ' ' .. id
end

-- What this step adds to sorted sets and to `ended`, written together.
local additions = {}
local ended_later = {}

local function list_in(lists, key)
  local list = lists[key]
  if not list then
    list = {}
    lists[key] = list
  end
  return list
end

local function add_later(key, score, member)
  local members = list_in(additions, key)
  local n = #members
  members[n + 1] = score
  members[n + 2] = member
end

local function remove_later(key, member)
  local members = list_in(removals, key)
  members[#members + 1] = member
end

-- Stores the end of a job that completed straight through. `cohort`: the profile and start that it shares with others.
-- `sequence` and `cohort.started` are texts.
local function end_plain(id, cohort, sequence, result)
  local ended = cohort.ended
  if not ended then
    ended = cohort.profile_id .. ' ' .. now_text .. ' ' .. cohort.started
    cohort.ended = ended
  end
  local n = #ended_later
  ended_later[n + 1] = id
  ended_later[n + 2] = result and ended .. ' ' .. result or ended
  add_later(cohort.profile.completed_key, sequence, id)
end

-- Additions first: the step may remove what it has added.
local function flush_changes()
  for key, members in pairs(additions) do
    call_each('ZADD', key, members)
  end
  set_fields(P .. 'ended', ended_later)
  for key, members in pairs(removals) do
    call_each('ZREM', key, members)
  end
  additions, ended_later, removals, windows = {}, {}, {}, {}
end

local function window_of(kept)
  local window = windows[kept]
  if not window then
    local key = P .. 'kept:' .. kept
    window = { size = call('ZCARD', key), entries = call('ZRANGE', key, 0, TRIM_WINDOW - 1), first = 1 }
    windows[kept] = window
  elseif window.size > 0 and not window.entries[window.first] then
    flush_changes()
    return window_of(kept)
  end
  return window
end

-- The oldest entry of a window, parsed once: each ending asks for it.
local function oldest_of(window)
  local entry = window.entries[window.first]
  local oldest = window.oldest
  if not oldest or oldest.entry ~= entry then
    local profile_id, state, kind, finished, id = string.match(entry, '^(%w+) (%l+) (%l) (%d+) (.*)$')
    local profile = profile_id and (state == 'completed' or state == 'failed' or state == 'cancelled')
      and profile_of(profile_id)
    oldest = { entry = entry, id = id, profile = profile, state = state, kind = kind, expires = 0, count = 0 }
    if profile then
      local age, count = bound_of(profile, state)
      oldest.expires, oldest.count = finished + age, count
    end
    window.oldest = oldest
  end
  return oldest
end

-- Removes up to `limit` finished jobs of one kind that are over their limits. Answers how many, and when the next one is.
local function trim(kept, limit)
  local trimmed, expires = 0, math.huge
  local window = window_of(kept)
  while trimmed < limit and window.size > 0 do
    local oldest = oldest_of(window)
    if window.size <= oldest.count and oldest.expires > now then
      expires = oldest.expires
      break
    end
    local id = oldest.id
    remove_later(P .. 'kept:' .. kept, oldest.entry)
    if oldest.profile then
      remove_later(P .. oldest.state .. ':' .. oldest.profile.q, id)
      if jobs[id] then
        jobs[id].is_deleted = true
      end
      delete_job(id, oldest.profile, oldest.state, oldest.kind == 's', oldest.kind == 'e')
    else
      -- An unreadable entry. Its job is lost, if the entry tells which.
      mark_lost(id or string.match(oldest.entry, '%S*$'))
    end
    trimmed = trimmed + 1
    window.first = window.first + 1
    window.size = window.size - 1
    window = window_of(kept)
  end
  if window.size == 0 then
    call('SREM', P .. 'kept', kept)
  end
  return trimmed, expires
end

-- Numbers in the order of endings, reserved on the server in blocks.
local next_ending, last_ending = 1, 0

local function ending_number()
  if next_ending > last_ending then
    last_ending = call('INCRBY', P .. 'endings', CHUNK)
    next_ending = last_ending - CHUNK + 1
  end
  next_ending = next_ending + 1
  return next_ending - 1
end

local function keep_entry(kept, entry)
  local window = window_of(kept)
  add_later(P .. 'kept:' .. kept, int(ending_number()), entry)
  window.size = window.size + 1
  if window.size == 1 then
    call('SADD', P .. 'kept', kept)
    window.entries, window.first = { entry }, 1
  end
  trim(kept, MAX_TRIMMED)
end

-- Adds a finished job that nothing needs to the kept jobs, and trims those.
local function keep(job)
  job.is_kept = true
  keep_entry(kept_of(job.profile, job.state), entry_of(job))
end

-- Ends and keeps a job that completed straight through and has no readers, as most do, without loading it.
local function keep_plain(id, cohort, sequence, result)
  end_plain(id, cohort, sequence, result)
  keep_entry(cohort.profile.kept_completed, ended_entry(cohort.profile_id, now_text, id))
end

local function unretain(job)
  job.is_kept = false
  flush_changes()
  call('ZREM', P .. 'kept:' .. kept_of(job.profile, job.state), entry_of(job))
end

local function has_kept(kept)
  if not windows[kept] and call('EXISTS', P .. 'kept:' .. kept) == 0 then
    windows[kept] = { size = 0, entries = {}, first = 1 }
  end
  return not windows[kept] or windows[kept].size > 0
end

-- Whether a job that ends in this state isn't stored at all: the limit is 0, and no older job is kept.
local function keeps_none(profile, state)
  if state == 'completed' then
    return profile.cc == 0 and not has_kept(profile.kept_completed)
  end
  return profile.fc == 0 and not has_kept(profile.kept_failed)
end
