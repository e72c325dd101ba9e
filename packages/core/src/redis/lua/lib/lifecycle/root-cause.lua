-- The error of a job that is cancelled because a dependency failed or was cancelled: names that dependency and the root
-- cause. Errors stay JSON text here and are cut between characters, because `cjson` throws at half a surrogate pair.
-- @import DEPENDENCY_FAILED_START, DEPENDENCY_FAILED_END, HAS_FAILED, WAS_CANCELLED from engine/root-cause
-- @import MAX_ROOT_TEXT, ROOT_CAUSE_START, ROOT_CAUSE_END, CODELESS_ROOT_CAUSE_END from engine/root-cause

-- The first `limit` characters of a JSON string, from `at` on, and whether that is all of it.
local function cut_json(text, at, limit)
  local first, n = at, 0
  while n < limit do
    local last = select(2, string.find(text, '^\\u%x%x%x%x', at)) or select(2, string.find(text, '^\\[^u]', at))
      or select(2, string.find(text, '^[^"\\\128-\191][\128-\191]*', at))
    if not last then
      break
    end
    at, n = last + 1, n + 1
  end
  return string.sub(text, first, at - 1), string.sub(text, at, at) == '"'
end

-- Code and message of an error as they are in its JSON text, or nil.
local function read_error(error)
  local code, at = string.match(error or '', '^{"code":"([^"\\]*)","message":"()')
  if not code then
    return nil
  end
  local message, is_whole = cut_json(error, at, MAX_ROOT_TEXT)
  if not is_whole then
    message = cut_json(error, at, MAX_ROOT_TEXT - 1) .. '…'
  end
  return code, (string.gsub(message, '\\u[dD][89a-fA-F]%x%x', '\\ufffd'))
end

-- How the errors of dependents end that are cancelled because of this job.
local function root_cause_tail(job)
  if not job.tail then
    local error = job.error or call('HGET', P .. 'state:' .. job.id, 'err') or nil
    local inherited = error and string.find(error, DEPENDENCY_FAILED_START, 1, true) == 1
      and string.find(error, ROOT_CAUSE_START, 1, true)
    if inherited then
      job.tail = string.sub(error, inherited)
    else
      local code, message = read_error(error)
      local id, name = job.id, job.profile.m
      job.tail = ROOT_CAUSE_START .. (code
        and string.format(ROOT_CAUSE_END, id, name, code, message, id, name, code)
        or string.format(CODELESS_ROOT_CAUSE_END, id, name, id, name))
    end
  end
  return job.tail
end

-- `tail`: nil if only a tombstone is left of the job.
local function dependency_failed(id, state, tail)
  local how = string.format(DEPENDENCY_FAILED_END, state == 'failed' and HAS_FAILED or WAS_CANCELLED)
  return DEPENDENCY_FAILED_START .. id .. how .. (tail or '"}')
end
