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
      local finished, started, result = string.match(ended, '^%w+ (%d+) (%d+) ?(.*)$')
      if not finished then
        return false
      end
      state = { 's', 'completed', 'e', '1', 'a', '1', 'st', started, 'f', finished }
      if result ~= '' then
        state[11], state[12] = 'r', result
      end
    end
    return { value, record, state, {}, {} }
  end
  local failures = call('LRANGE', P .. 'failures:' .. id, 0, -1)
  return { value, record, state, failures, call('LRANGE', P .. 'logs:' .. id, 0, -1) }
end
