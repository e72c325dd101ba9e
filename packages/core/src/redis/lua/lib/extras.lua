-- The extras of a job, or nil if it has none or they can't be read. `start`: the first bytes of its value.
local function extras_of(id, start)
  if not string.find(start, '\n', 1, true) then
    start = call('GET', JOB .. id) or ''
  end
  local is_read, extras = pcall(cjson.decode, string.match(start, '^%S+ %S+ %S+ %S+ %S+ ([^\n]*)') or '')
  return is_read and type(extras) == 'table' and extras or nil
end
