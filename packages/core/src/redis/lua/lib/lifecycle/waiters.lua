-- The readers of a job: its unfinished dependents. Each has the first letter of its policy while it waits, or "-" once
-- it only reads the result. Retention spares a job that has readers. After the cascade of a completed job nobody waits
-- for it, whatever the letters say.
--
-- `waiters` has them by the job's id, in one text of "letter id" pairs: most jobs that are read have one reader. If
-- there are many, the text is MANY, and a sorted set has them: with score 0 if they only read, else with their place in
-- the order in which they began to wait and the code of their policy. Readers are read once per step, and changes are
-- written at its end.
local WAITERS = P .. 'waiters'
local MANY = '*'
-- Max readers in one text.
local MAX_IN_TEXT = 8
local CODES = { c = 1, r = 2, h = 3 }
local POLICIES = { 'c', 'r', 'h' }
-- A score is a place times this, plus a code.
local PLACE_STEP = 4

local texts = {}
local changed = {}
-- The last place given, of jobs with many readers.
local places = {}
local is_anyone_waiting
-- Checked the first time only.
local call_waiters = call

local function many_of(id)
  return P .. 'waiters:' .. id
end

-- Reads the readers of several jobs at once.
local function read_waiters(ids)
  if is_anyone_waiting == nil then
    is_anyone_waiting = call_unchecked('EXISTS', WAITERS) == 1
  end
  if not is_anyone_waiting or #ids == 0 then
    return
  end
  local found = call_waiters('HMGET', WAITERS, unpack(ids))
  call_waiters = call_unchecked
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

-- The only reader in a text, with its letter, or nil. Cached, because consecutive jobs usually have the same.
local function sole_of(text)
  if text ~= last_text then
    last_text, last_letter = text, string.sub(text, 1, 1)
    last_sole = #text > 2 and not string.find(text, ' ', 3, true) and string.sub(text, 3) or nil
  end
  return last_sole, last_letter
end

-- The readers in a text: ids and letters in turn.
local function named_in(text)
  local list = {}
  for letter, dependent in string.gmatch(text, '(%S) (%S+)') do
    list[#list + 1] = dependent
    list[#list + 1] = letter
  end
  return list
end

-- The ids of a job's readers. Of many, the first ones, those that only read before those that wait.
local function readers_of(id, limit)
  local text = text_of(id)
  if text == MANY then
    return call('ZRANGE', many_of(id), 0, limit - 1)
  end
  local list, ids = named_in(text), {}
  for at = 1, #list, 2 do
    ids[#ids + 1] = list[at]
  end
  return ids
end

local function last_place(id)
  if not places[id] then
    local last = call('ZREVRANGE', many_of(id), 0, 0, 'WITHSCORES')
    places[id] = last[2] and math.floor(last[2] / PLACE_STEP) or 0
  end
  return places[id]
end

local function score_of(place, letter)
  local code = CODES[letter]
  return code and int(place * PLACE_STEP + code) or '0'
end

local function letter_at(score)
  return POLICIES[score % PLACE_STEP] or '-'
end

-- Moves readers into a sorted set, with places from 1 in the order of the list.
local function move_to_set(id, list)
  local scored = {}
  for at = 1, #list, 2 do
    scored[at], scored[at + 1] = score_of((at + 1) / 2, list[at + 1]), list[at]
  end
  if #scored > 0 then
    call('ZADD', many_of(id), unpack(scored))
  end
  changed[id] = true
  texts[id] = MANY
  places[id] = #list / 2
end

local function write_waiters(id, list)
  if #list > 2 * MAX_IN_TEXT then
    move_to_set(id, list)
    return
  end
  changed[id] = true
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
    if letter ~= '-' then
      places[id] = last_place(id) + 1
    end
    call('ZADD', many_of(id), score_of(places[id], letter), dependent)
  else
    local list = named_in(text)
    local at = place_of(list, dependent) or #list + 1
    list[at], list[at + 1] = dependent, letter
    write_waiters(id, list)
  end
end

-- The same for a job with a pending cascade: a reader that begins to wait now gets a place behind `last`, so that the
-- cascade doesn't decide it.
local function set_later_waiter(id, dependent, letter, last)
  if text_of(id) ~= MANY then
    move_to_set(id, named_in(text_of(id)))
  end
  places[id] = math.max(last_place(id), last)
  set_waiter(id, dependent, letter)
end

-- Answers whether it was a reader.
local function remove_waiter(id, dependent)
  local text = text_of(id)
  if text == MANY then
    local was_one = call('ZREM', many_of(id), dependent) == 1
    if was_one and call_unchecked('EXISTS', many_of(id)) == 0 then
      write_waiters(id, {})
    end
    return was_one
  end
  if sole_of(text) == dependent then
    changed[id] = true
    texts[id] = ''
    return true
  end
  local list = named_in(text)
  local at = place_of(list, dependent)
  if at then
    table.remove(list, at)
    table.remove(list, at)
    write_waiters(id, list)
  end
  return at ~= nil
end

-- For a job that is removed.
local function remove_waiters(id)
  local text = text_of(id)
  if text == MANY then
    call_unchecked('UNLINK', many_of(id))
  end
  if text ~= '' then
    write_waiters(id, {})
  end
end

-- The letter and place of a reader, or nil.
local function letter_of(id, dependent)
  local text = text_of(id)
  if text == MANY then
    local score = tonumber(call('ZSCORE', many_of(id), dependent) or nil)
    if score then
      return letter_at(score), math.floor(score / PLACE_STEP)
    end
    return nil
  end
  local list = named_in(text)
  local at = place_of(list, dependent)
  if at then
    return list[at + 1], (at + 1) / 2
  end
end

-- Up to `limit` waiting readers with places behind `place`, up to `last`: id, letter and place of each in turn.
local function waiting_behind(id, place, last, limit)
  local text = text_of(id)
  local waiting = {}
  if text == MANY then
    local scored = call(
      'ZRANGEBYSCORE', many_of(id), '(' .. int(place * PLACE_STEP + PLACE_STEP - 1),
      last and int(last * PLACE_STEP + PLACE_STEP - 1) or '+inf', 'WITHSCORES', 'LIMIT', 0, limit
    )
    for at = 1, #scored, 2 do
      local score, n = tonumber(scored[at + 1]), #waiting
      waiting[n + 1], waiting[n + 2], waiting[n + 3] = scored[at], letter_at(score), math.floor(score / PLACE_STEP)
    end
    return waiting
  end
  local list = named_in(text)
  for at = 1, #list, 2 do
    if list[at + 1] ~= '-' then
      local n = #waiting
      waiting[n + 1], waiting[n + 2], waiting[n + 3] = list[at], list[at + 1], (at + 1) / 2
    end
  end
  return waiting
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
