-- The state of a job that completed straight through, from its text in `ended`, as fields and values; nil if it can't be
-- read.
local function fields_of_ended(ended)
  local finished, started, result = string.match(ended, '^%w+ (%d+) (%d+) ?(.*)$')
  return finished and { 's', 'completed', 'e', '1', 'a', '1', 'st', started, 'f', finished }, result
end

-- Everything that is stored of one job, or false.
local function read(id)
  local value = call('GET', JOB .. id)
  if not value then
    return false
  end
  local record = call('HGET', P .. 'active', id) or ''
  local state = call('HGETALL', P .. 'state:' .. id)
  if #state == 0 then
    local ended = call('HGET', P .. 'ended', id)
    if ended then
      local result
      state, result = fields_of_ended(ended)
      if not state then
        return false
      end
      if result ~= '' then
        state[#state + 1] = 'r'
        state[#state + 1] = result
      end
    end
    return { value, record, state, {}, {} }
  end
  local failures = call('LRANGE', P .. 'failures:' .. id, 0, -1)
  return { value, record, state, failures, call('LRANGE', P .. 'logs:' .. id, 0, -1) }
end
