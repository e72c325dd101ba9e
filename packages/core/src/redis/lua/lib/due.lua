-- Makes up to `limit` due jobs runnable, those of one instant in send order. Answers how many.
local function promote_due(limit)
  local due = call('ZRANGEBYSCORE', P .. 'due', '-inf', now_text, 'LIMIT', 0, limit)
  for _, entry in ipairs(due) do
    -- Behind the sequence and a space: see `due_entry`.
    life().place(life().load(string.sub(entry, 15)))
  end
  return #due
end
