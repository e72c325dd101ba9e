-- Makes up to `limit` due jobs runnable. Answers how many.
local function promote_due(limit)
  local due = call('ZRANGEBYSCORE', P .. 'due', '-inf', now_text, 'LIMIT', 0, limit)
  for _, id in ipairs(due) do
    life().place(life().load(id))
  end
  return #due
end
