-- Who reads a job: its unfinished dependents, each with the first letter of its policy while it waits, or "-" once
-- it only reads the result. While there is any, retention spares the job. Of a job that completed nobody waits any
-- more, whatever the letters say.
--
-- `waiters` has them by the job's id, as "letter id" pairs in one text: most jobs that are read have one reader. Of
-- those with many it says MANY, and a hash of their own has them. Each is read once a step, and what changes is
-- written at its end.
local WAITERS = P .. 'waiters'
local MANY = '*'
-- Readers that one text names.
local MOST_IN_TEXT = 8

local texts = {}
local changed = {}
local is_anyone_waiting

local function many_of(id)
  return P .. 'waiters:' .. id
end

-- Reads those of several jobs at once.
local function read_waiters(ids)
  if is_anyone_waiting == nil then
    is_anyone_waiting = call('EXISTS', WAITERS) == 1
  end
  if not is_anyone_waiting or #ids == 0 then
    return
  end
  local found = call('HMGET', WAITERS, unpack(ids))
  for index = 1, #ids do
    local id = ids[index]
    if not texts[id] then
      texts[id] = found[index] or ''
    end
  end
end

local function text_of(id)
  if not texts[id] then
    read_waiters({ id })
  end
  return texts[id] or ''
end

local function has_waiters(id)
  return text_of(id) ~= ''
end

local last_text, last_sole, last_letter

-- The only reader that a text names, with its letter, or nil. Siblings nearly always have the same.
local function sole_of(text)
  if text ~= last_text then
    last_text, last_letter = text, string.sub(text, 1, 1)
    last_sole = #text > 2 and not string.find(text, ' ', 3, true) and string.sub(text, 3) or nil
  end
  return last_sole, last_letter
end

-- Ids and letters in turn.
local function waiters_of(id)
  local text = text_of(id)
  if text == MANY then
    return call('HGETALL', many_of(id))
  end
  local list = {}
  for letter, dependent in string.gmatch(text, '(%S) (%S+)') do
    list[#list + 1] = dependent
    list[#list + 1] = letter
  end
  return list
end

local function write_waiters(id, list)
  changed[id] = true
  if #list > 2 * MOST_IN_TEXT then
    texts[id] = MANY
    call('HSET', many_of(id), unpack(list))
    return
  end
  local parts = {}
  for at = 1, #list, 2 do
    parts[at] = list[at + 1]
    parts[at + 1] = list[at]
  end
  texts[id] = table.concat(parts, ' ')
end

local function place_of(list, dependent)
  for at = 1, #list, 2 do
    if list[at] == dependent then
      return at
    end
  end
end

local function set_waiter(id, dependent, letter)
  local text = text_of(id)
  if text == '' then
    changed[id] = true
    texts[id] = letter .. ' ' .. dependent
  elseif text == MANY then
    call('HSET', many_of(id), dependent, letter)
  else
    local list = waiters_of(id)
    local at = place_of(list, dependent) or #list + 1
    list[at], list[at + 1] = dependent, letter
    write_waiters(id, list)
  end
end

-- Answers whether it was one of them.
local function remove_waiter(id, dependent)
  local text = text_of(id)
  if text == MANY then
    local was_one = call('HDEL', many_of(id), dependent) == 1
    if was_one and call('EXISTS', many_of(id)) == 0 then
      write_waiters(id, {})
    end
    return was_one
  end
  if sole_of(text) == dependent then
    changed[id] = true
    texts[id] = ''
    return true
  end
  local list = waiters_of(id)
  local at = place_of(list, dependent)
  if at then
    table.remove(list, at)
    table.remove(list, at)
    write_waiters(id, list)
  end
  return at ~= nil
end

-- Of a job that is gone.
local function remove_waiters(id)
  local text = text_of(id)
  if text == MANY then
    call('DEL', many_of(id))
  end
  if text ~= '' then
    write_waiters(id, {})
  end
end

-- The letter of one of them, or nil.
local function letter_of(id, dependent)
  local list = waiters_of(id)
  local at = place_of(list, dependent)
  return at and list[at + 1]
end

local function is_waiting_for(letter, state)
  return letter and letter ~= '-' and state ~= 'completed'
end

local function flush_waiters()
  local written, gone = {}, {}
  for id in pairs(changed) do
    local text = texts[id]
    if text ~= '' then
      written[#written + 1] = id
      written[#written + 1] = text
      is_anyone_waiting = true
    else
      gone[#gone + 1] = id
    end
  end
  call_each('HDEL', WAITERS, gone)
  set_fields(WAITERS, written)
  changed = {}
end
