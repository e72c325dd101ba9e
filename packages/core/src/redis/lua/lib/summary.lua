-- Jobs as lists summarise them.
-- @include lib/read

local HEADER_BYTES = 255
local SUMMARY_FIELDS = { 's', 'e', 'a', 't', 'at', 'st', 'f', 'c', 'err' }

-- The header of a job, with what a summary has of its extras; or nil.
local function read_header(id)
  local start = call('GETRANGE', JOB .. id, 0, HEADER_BYTES)
  local header = string.match(start, '^[^\n]*\n')
  if header or start == '' then
    return header
  end
  -- It is long: the job has many dependencies or metadata.
  local parts, text = string.match(call('GET', JOB .. id), '^(%S+ %S+ %S+ %S+ %S+ )([^\n]*)\n')
  local is_read, extras = pcall(cjson.decode, text or '')
  if not is_read or type(extras) ~= 'table' then
    return nil
  end
  return parts .. cjson.encode({ p = extras.p, o = extras.o, u = extras.u }) .. '\n'
end

-- What is stored of one job except its data, result, progress, failures and logs; or false.
local function read_summary(id)
  local header = read_header(id)
  if not header then
    return false
  end
  local record = call('HGET', P .. 'active', id) or ''
  local values = call('HMGET', P .. 'state:' .. id, unpack(SUMMARY_FIELDS))
  local state = {}
  for index, field in ipairs(SUMMARY_FIELDS) do
    if values[index] then
      state[#state + 1] = field
      state[#state + 1] = values[index]
    end
  end
  local ended = #state == 0 and call('HGET', P .. 'ended', id)
  if ended then
    state = fields_of_ended(ended)
  end
  return state and { header, record, state } or false
end
