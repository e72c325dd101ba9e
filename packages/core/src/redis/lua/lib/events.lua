-- Events of this step, published at its end. What nobody asked for is never built.
--
-- `listeners` is a set of filters: "d|types|queues|messages". "d" asks for detail. A list is empty for all, or has a comma
-- before and after each name. The channel of a filter is its text after `events:`. `watched` is a hash of single jobs:
-- id -> "engine:d|types" of each engine that watches it, separated by spaces. See listen.lua and watch.lua.

-- An engine that watches a job, whether it asks for detail, and types.
local WATCHER = '(%x+):(d?)|(%S*)'
-- Events carry results: one message of many large ones would block the server.
local MAX_EVENT_BYTES = 1000000

-- Members of an event, one after the other in `events`.
local EVENT_SIZE = 7

local WAITING = 'queued scheduled blocked'

-- Who listens. A function, so that steps that nobody listens to create none of its closures. `is_watched`: whether
-- single jobs are watched.
local function make_audience(has_filters, is_watched)
  -- The names of a list as a set, or nil for all.
  local function names_in(list)
    if list == '' then
      return nil
    end
    local names = {}
    for name in string.gmatch(list, '[^,]+') do
      names[name] = true
    end
    return names
  end

  -- Publishes the events of the step. A function for the same reason: most steps have no events that somebody wants.
  local function make_publisher(events, n)
    local function event_at(at, has_detail)
      if has_detail then
        return { unpack(events, at, at + EVENT_SIZE - 1) }
      end
      return { unpack(events, at, at + 4) }
    end

    -- Publishes in messages of bounded size. Answers whether anybody received them. If the user may not publish, the writes
    -- still count, and `health()` reports it.
    local function publish(channel, batch)
      local some, bytes, is_received = {}, 0, true
      for index, event in ipairs(batch) do
        some[#some + 1] = event
        bytes = bytes + (event[6] and #event[6] or 0) + (event[7] and #event[7] or 0)
        if bytes > MAX_EVENT_BYTES or index == #batch then
          is_received = redis.pcall('PUBLISH', C .. channel, cjson.encode({ now, some })) ~= 0
          some, bytes = {}, 0
        end
      end
      return is_received
    end

    local function is_of_type(types, at)
      return not types or types[events[at]]
        or types.requeued and events[at + 4] > 0 and string.find(WAITING, events[at], 1, true)
    end

    local function publish_filtered(filter)
      local queues, messages = filter.queues, filter.messages
      local batch = {}
      for at = 1, n, EVENT_SIZE do
        if is_of_type(filter.types, at) and (not queues or queues[events[at + 2]])
          and (not messages or messages[events[at + 3]])
        then
          batch[#batch + 1] = event_at(at, filter.has_detail)
        end
      end
      if not publish('events:' .. filter.text, batch) then
        -- Its engines are gone. One that is only reconnecting registers it again.
        call('SREM', P .. 'listeners', filter.text)
      end
    end

    -- `watchers`: what `watched` has for each event.
    local function publish_watched(watchers)
      local batches = {}
      for index = 1, n / EVENT_SIZE do
        local at = (index - 1) * EVENT_SIZE + 1
        for engine, detail, types in string.gmatch(watchers[index] or '', WATCHER) do
          if is_of_type(names_in(types), at) then
            batches[engine] = batches[engine] or {}
            table.insert(batches[engine], event_at(at, detail == 'd'))
          end
        end
      end
      for engine, batch in pairs(batches) do
        if not publish('watch:' .. engine, batch) then
          -- It is gone. If it is only reconnecting, it notes its jobs again.
          for _, event in ipairs(batch) do
            local watchers = ' ' .. (call('HGET', P .. 'watched', event[2]) or '')
            local others = string.sub(string.gsub(watchers, ' ' .. engine .. ':%S*', ''), 2)
            if others == '' then
              call('HDEL', P .. 'watched', event[2])
            else
              call('HSET', P .. 'watched', event[2], others)
            end
          end
          call('HDEL', P .. 'watched', ' ' .. engine)
        end
      end
    end

    return publish_filtered, publish_watched
  end

  local filters, is_selected, is_all = {}, {}, false
  local events, n = {}, 0

  for _, text in ipairs(has_filters and call('SMEMBERS', P .. 'listeners') or {}) do
    local detail, types, queues, messages = string.match(text, '^(d?)|([^|]*)|([^|]*)|([^|]*)$')
    if detail then
      local filter = {
        text = text, has_detail = detail == 'd',
        types = names_in(types), queues = names_in(queues), messages = names_in(messages),
      }
      filters[#filters + 1] = filter
      is_all = is_all or not filter.types
      for type in pairs(filter.types or {}) do
        is_selected[type] = true
      end
    else
      call_unchecked('SREM', P .. 'listeners', text)
    end
  end

  -- Whether a filter may select an event.
  local function may_select(type, epoch)
    return is_all or is_selected[type]
      or is_selected.requeued and epoch > 0 and string.find(WAITING, type, 1, true)
  end

  local function add(type, id, queue, message_type, epoch, text, error)
    -- One by one: Lua makes a joint assignment from the last to the first, and an array with holes is a hash.
    events[n + 1] = type
    events[n + 2] = id
    events[n + 3] = queue
    events[n + 4] = message_type
    events[n + 5] = epoch
    events[n + 6] = text
    events[n + 7] = error
    n = n + EVENT_SIZE
  end

  -- What `watched` has for each event; nil if it has nothing.
  local function find_watchers()
    local found, is_any = {}, false
    for first = 1, n, CHUNK * EVENT_SIZE do
      local ids = {}
      for at = first, math.min(first + CHUNK * EVENT_SIZE, n + 1) - 1, EVENT_SIZE do
        ids[#ids + 1] = events[at + 1]
      end
      for _, watchers in ipairs(call('HMGET', P .. 'watched', unpack(ids))) do
        found[#found + 1] = watchers
        is_any = is_any or watchers
      end
    end
    return is_any and found
  end

  local function flush()
    if n == 0 then
      return
    end
    local watchers = is_watched and find_watchers()
    if watchers or #filters > 0 then
      local publish_filtered, publish_watched = make_publisher(events, n)
      for _, filter in ipairs(filters) do
        publish_filtered(filter)
      end
      if watchers then
        publish_watched(watchers)
      end
    end
    events, n = {}, 0
  end

  return { add = add, flush = flush, may_select = may_select }
end

-- Nil until they are needed.
local audience, has_filters, is_watched

-- Whether someone may have asked for an event. Ask before you collect what `emit` needs. `ids`: of at most CHUNK jobs of
-- which any may have the event. Where filters don't select it, one command tells whether any of them is watched, which
-- takes a fifth of the time of collecting their events.
local function wants(type, epoch, ids)
  if has_filters == nil then
    local n_keys = call_unchecked('EXISTS', P .. 'listeners', P .. 'watched')
    has_filters = n_keys == 2 or n_keys == 1 and call_unchecked('EXISTS', P .. 'listeners') == 1
    is_watched = n_keys == 2 or n_keys == 1 and not has_filters
  end
  if has_filters or is_watched and not ids then
    audience = audience or make_audience(has_filters, is_watched)
    if is_watched and not ids or audience.may_select(type, epoch) then
      return true
    end
  end
  if is_watched then
    local watchers = call('HMGET', P .. 'watched', unpack(ids))
    for index = 1, #watchers do
      if watchers[index] then
        return true
      end
    end
  end
  return false
end

-- `text`: false, or JSON text: the result of a completed job, or the progress. `error`: the same.
local function emit(type, id, queue, message_type, epoch, text, error)
  if wants(type, epoch) then
    audience.add(type, id, queue, message_type, epoch, text, error)
  end
end

local function flush_events()
  if audience then
    audience.flush()
  end
end
