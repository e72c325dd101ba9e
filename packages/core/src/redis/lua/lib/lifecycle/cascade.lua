-- Decides the dependents of jobs that ended, in the order in which they began to wait. A step decides a limited number;
-- the rest is a pending cascade, which later steps continue, the earliest first.
--
-- `cascades` has "state removed place last tail" by the id of the ended job: how it ended, the place of the last
-- dependent that is decided, the place of the last one to decide, and how the errors of cancelled dependents end.
-- `cascades:order` has their order. While there are any, CASCADING is in `due`, so that every step that looks for due
-- jobs finds them.
-- @include lib/lifecycle/jobs
-- @include lib/lifecycle/retention
-- @include lib/lifecycle/root-cause
-- @include lib/lifecycle/waiters
-- @include lib/wake
-- @import STEP_POINTS, EDGE_POINTS, MIN_DECIDED from engine/step-budget

local CASCADES, CASCADE_ORDER = P .. 'cascades', P .. 'cascades:order'
-- Pending cascades read at once.
local CASCADE_PAGE_SIZE = 100

local COMPLETED = { state = 'completed' }

-- What this step may still spend.
local points = STEP_POINTS
-- Jobs that ended in this step and have undecided dependents.
local ended = {}
-- Whether this step leaves dependents to later steps.
local has_undecided = false

local function write_cascade(item)
  return item.state .. ' ' .. (item.is_removed and '1' or '0') .. ' ' .. int(item.place) .. ' ' .. int(item.last)
    .. ' ' .. (item.tail or '')
end

local function read_cascade(id, text)
  local state, removed, place, last, tail = string.match(text, '^(%l+) (%d) (%d+) (%d+) ?(.*)$')
  if not state then
    return nil
  end
  return {
    id = id, state = state, is_removed = removed == '1', place = tonumber(place), last = tonumber(last),
    tail = tail ~= '' and tail or nil,
  }
end

-- The pending cascade of an ended job, or nil.
local function cascade_of(id)
  local text = call('HGET', CASCADES, id)
  return text and read_cascade(id, text) or nil
end

-- Its undecided dependents keep waiting.
local function stop_cascade(id)
  if call('HDEL', CASCADES, id) == 1 then
    call('ZREM', CASCADE_ORDER, id)
  end
end

-- Decides a dependent of an ended job.
local function decide(id, letter, item)
  points = points - EDGE_POINTS
  local dependent = load(id)
  if not dependent then
    remove_waiter(item.id, id)
    mark_lost(id)
    return
  end
  if is_terminal(dependent.state) then
    return
  end
  -- A waiting job is blocked. This one has lost its `state:` hash, and with it what else it waits for.
  if dependent.state and dependent.state ~= 'blocked' then
    mark_lost(id)
    return
  end
  if item.state ~= 'completed' then
    if letter == 'h' and not item.is_removed then
      return
    end
    if letter ~= 'r' then
      item.tail = item.tail or root_cause_tail(item.job)
      dependent.tail = item.tail
      finish(dependent, 'cancelled', dependency_failed(item.id, item.state, item.tail))
      return
    end
    set_waiter(item.id, id, '-')
  end
  dependent.pending = dependent.pending - 1
  place(dependent)
end

-- Decides the dependents of a job while the step has points left. Answers whether all are decided.
local function continue_cascade(item)
  local least = math.max(math.ceil(points / EDGE_POINTS), MIN_DECIDED)
  local waiting = waiting_behind(item.id, item.place, item.last, least + 1)
  for at = 1, #waiting, 3 do
    if points <= 0 and at > 3 * MIN_DECIDED then
      return false
    end
    item.place = waiting[at + 2]
    decide(waiting[at], waiting[at + 1], item)
  end
  if item.is_removed then
    remove_waiters(item.id)
  end
  return true
end

-- Registers an ended job that others wait for. `job` may be nil if it completed.
local function start_cascade(id, state, queue, job)
  ended[#ended + 1] = {
    id = id, state = state, queue = queue, job = job, is_removed = job and job.is_removed or false, place = 0,
  }
end

-- Decides dependents, their dependents, and so on. Uses a list instead of recursion, for chains of any length.
local function propagate()
  local index = 1
  while points > 0 and ended[index] do
    if continue_cascade(ended[index]) then
      index = index + 1
    end
  end
  if index > 1 then
    local left = {}
    for at = index, #ended do
      left[#left + 1] = ended[at]
    end
    ended = left
  end
end

-- Continues pending cascades, then those of jobs that ended thereby.
local function continue_pending()
  has_undecided = true
  while points > 0 do
    local ids = call('ZRANGE', CASCADE_ORDER, 0, CASCADE_PAGE_SIZE - 1)
    if #ids == 0 then
      has_undecided = false
      call('ZREM', P .. 'due', CASCADING)
      break
    end
    local texts = call('HMGET', CASCADES, unpack(ids))
    local done = {}
    for index = 1, #ids do
      local item = texts[index] and read_cascade(ids[index], texts[index])
      if points > 0 and (not item or continue_cascade(item)) then
        done[#done + 1] = ids[index]
      elseif item then
        call('HSET', CASCADES, item.id, write_cascade(item))
        break
      end
    end
    call_each('ZREM', CASCADE_ORDER, done)
    call_each('HDEL', CASCADES, done)
  end
  propagate()
end

-- Writes undecided cascades for later steps.
local function flush_cascades()
  local order, texts = {}, {}
  for _, item in ipairs(ended) do
    if #waiting_behind(item.id, item.place, nil, 1) > 0 then
      local n = #order
      item.last = text_of(item.id) == MANY and last_place(item.id) or MAX_IN_TEXT
      item.tail = item.state ~= 'completed' and (item.tail or root_cause_tail(item.job)) or nil
      order[n + 1], order[n + 2] = int(ending_number()), item.id
      texts[n + 1], texts[n + 2] = item.id, write_cascade(item)
      wake_one(item.queue)
    elseif item.is_removed then
      remove_waiters(item.id)
    end
  end
  ended = {}
  if #order == 0 then
    return
  end
  has_undecided = true
  call_each('ZADD', CASCADE_ORDER, order)
  call_each('HSET', CASCADES, texts)
  call('ZADD', P .. 'due', 0, CASCADING)
end
