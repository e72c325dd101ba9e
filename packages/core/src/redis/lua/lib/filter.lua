-- Whether a job is one that a list is to have. `filter` has what the caller's filter says beside what its sources are:
-- `queues` and `states` (sets), if the sources have others, `messages` (a set), `message`, `user`, `key`, `sent` and
-- `finished` (two instants each), and `values` of searchable fields. With `is_grouped`, jobs come from a failure group,
-- whose entries may be of a job that is gone, and whose id another has.
-- @include lib/extras
-- @include lib/profiles
-- @include lib/sources

local function is_within(instant, bounds)
  return instant ~= nil and instant >= bounds[1] and instant < bounds[2]
end

local function state_of(id)
  local record = call('HGET', P .. 'active', id)
  if record then
    -- Reserved jobs haven't started, and count as blocked.
    return string.match(record, '^%S+ %S+ %S+ 0 ') and 'blocked' or 'active'
  end
  return call('HGET', P .. 'state:' .. id, 's') or call('HEXISTS', P .. 'ended', id) == 1 and 'completed' or 'queued'
end

local function finished_of(id)
  local finished = call('HGET', P .. 'state:' .. id, 'f')
    or string.match(call('HGET', P .. 'ended', id) or '', '^%w+ (%d+)')
  return finished and tonumber(finished)
end

local function matches(job, filter)
  if filter.needs_header then
    local start = job.start or call('GETRANGE', JOB .. job.id, 0, START_BYTES)
    local profile_id, sequence, created = string.match(start, '^(%w+) (%d+) (%d+) ')
    local is_same = not filter.is_grouped or tonumber(sequence) == job.sequence
    local profile = profile_id and is_same and profile_of(profile_id)
    if not profile or filter.queues and not filter.queues[profile.q] then
      return false
    elseif filter.messages and not filter.messages[profile.m] then
      return false
    elseif filter.message and profile.m ~= filter.message then
      return false
    elseif filter.sent and not is_within(tonumber(created), filter.sent) then
      return false
    end
    if filter.user or filter.key or filter.values then
      local extras = extras_of(job.id, start)
      if not extras or filter.user and extras.u ~= filter.user or filter.key and extras.o ~= filter.key then
        return false
      end
      for field, value in pairs(filter.values or {}) do
        if type(extras.s) ~= 'table' or extras.s[field] ~= value then
          return false
        end
      end
    end
  end
  if filter.states and not filter.states[job.state or state_of(job.id)] then
    return false
  end
  return not filter.finished or is_within(finished_of(job.id), filter.finished)
end
