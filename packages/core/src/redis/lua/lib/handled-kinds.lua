-- @include lib/handles

-- The kinds of a split queue's lanes that are handled.
local function handled_kinds(queue, handles)
  local kinds = {}
  for _, kind in ipairs(call('SMEMBERS', P .. 'lanes:' .. queue)) do
    if handles_kind(handles, kind) then
      kinds[#kinds + 1] = kind
    end
  end
  return kinds
end
