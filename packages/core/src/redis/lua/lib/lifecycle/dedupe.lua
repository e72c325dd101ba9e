-- Dedupe keys. Each has an entry "until id" that names its job: `until` is 0 while the job is unfinished, then the end
-- of its window. Redis deletes the entry some time after that.
-- @include lib/extras

local DEDUPE = P .. 'dedupe:'

-- The job that a key names, or nil.
local function deduped_to(key)
  local entry = call('GET', DEDUPE .. key)
  if not entry then
    return nil
  end
  local ends, id = string.match(entry, '^(%d+) (.*)$')
  -- An unfinished job that isn't stored was lost.
  local is_valid = ends and (ends == '0' and call('EXISTS', JOB .. id) == 1 or tonumber(ends) > now)
  return is_valid and id or nil
end

-- A job's dedupe key and the end of its window; nil if the job is lost. The record of a held job doesn't have them.
local function dedupe_of(job)
  local created, dedupe = job.created, job.dedupe
  if not dedupe then
    local value = call('GET', JOB .. job.id)
    if not value then
      return nil
    end
    local extras = extras_of(job.id, value)
    created, dedupe = tonumber(string.match(value, '^%S+ %S+ (%d+)')), extras and extras.w
    if not created or type(dedupe) ~= 'table' then
      return nil
    end
  end
  return dedupe[2], created + dedupe[1]
end

-- Gives a new or reopened job its key, unless the key names another job.
local function take_dedupe(job)
  local key = dedupe_of(job)
  if key and not deduped_to(key) then
    call('SET', DEDUPE .. key, '0 ' .. job.id)
  end
end

-- A job has ended or is removed: its key becomes free, or names it until the window ends.
local function end_dedupe(job, has_completed)
  local key, ends = dedupe_of(job)
  local entry = key and call('GET', DEDUPE .. key)
  if not entry or string.match(entry, '^%d+ (.*)$') ~= job.id then
    return
  end
  if has_completed and ends > now then
    call('SET', DEDUPE .. key, int(ends) .. ' ' .. job.id, 'PX', int(ends - now + 10000))
  else
    call('DEL', DEDUPE .. key)
  end
end
