-- Events of this step, published at its end. What nobody asked for is never built.
--
-- `listeners` is a set of filters: "d|types|queues|messages". "d" asks for detail. A list is empty for all, or has a comma
-- before and after each name. The channel of a filter is its text after `events:`. `watched` is a hash of single jobs:
-- id -> "engine:d|types" of each engine that watches it, separated by spaces. See listen.lua and watch.lua.

-- An engine that watches a job, whether it asks for detail, and types.
local WATCHER = '(%x+):(d?)|(%S*)'
-- Events carry results: one message of many large ones would block the server.
local MAX_EVENT_BYTES = 1000000

-- A function, so that steps that nobody listens to create none of its closures.
local function make_audience()
  local filters, is_selected, is_all = {}, {}, false
  local events, n = {}, 0
  local is_watched = call_unchecked('EXISTS', P .. 'watched') == 1

  -- The names of a list as a set, or nil for all.
  local function parse(list)
    if list == '' then
      return nil
    end
    local names = {}
    for name in string.gmatch(list, '[^,]+') do
      names[name] = true
    end
    return names
  end

  local function add_filter(text)
    local detail, types, queues, messages = string.match(text, '^(d?)|([^|]*)|([^|]*)|([^|]*)$')
    if detail then
      local filter = { channel = 'events:' .. text, has_detail = detail == 'd' }
      filter.types, filter.queues, filter.messages = parse(types), parse(queues), parse(messages)
      filters[#filters + 1] = filter
      is_all = is_all or not filter.types
      for type in pairs(filter.types or {}) do
        is_selected[type] = true
      end
    end
  end

  local texts = call('SMEMBERS', P .. 'listeners')
  if #texts > 0 then
    local channels = {}
    for index, text in ipairs(texts) do
      channels[index] = C .. 'events:' .. text
    end
    -- If the user may not ask, all count as listening: an error after the first writes would end the step halfway.
    local listeners = redis.pcall('PUBSUB', 'NUMSUB', unpack(channels))
    for index, text in ipairs(texts) do
      if listeners.err or listeners[2 * index] > 0 then
        add_filter(text)
      else
        call_unchecked('SREM', P .. 'listeners', text)
      end
    end
  end

  local WAITING = { queued = true, scheduled = true, blocked = true }

  local function is_requeued(type, epoch)
    return epoch > 0 and WAITING[type]
  end

  local function may_want(type, epoch)
    return is_all or is_watched or is_selected[type] or is_selected.requeued and is_requeued(type, epoch)
  end

  local function add(...)
    n = n + 1
    events[n] = { ... }
  end

  -- Publishes in messages of bounded size. If the user may not publish, the writes still count, and `health()` reports it.
  local function publish(channel, batch)
    local some, bytes = {}, 0
    for index, event in ipairs(batch) do
      some[#some + 1] = event
      bytes = bytes + (event[6] and #event[6] or 0) + (event[7] and #event[7] or 0)
      if bytes > MAX_EVENT_BYTES or index == #batch then
        redis.pcall('PUBLISH', C .. channel, cjson.encode({ now, some }))
        some, bytes = {}, 0
      end
    end
  end

  local function selects(filter, event)
    local types, queues, messages = filter.types, filter.queues, filter.messages
    return (not types or types[event[1]] or types.requeued and is_requeued(event[1], event[5]))
      and (not queues or queues[event[3]])
      and (not messages or messages[event[4]])
  end

  local function without_detail(event)
    return { event[1], event[2], event[3], event[4], event[5] }
  end

  local function publish_filtered()
    for _, filter in ipairs(filters) do
      local batch = {}
      for index = 1, n do
        local event = events[index]
        if selects(filter, event) then
          batch[#batch + 1] = filter.has_detail and event or without_detail(event)
        end
      end
      publish(filter.channel, batch)
    end
  end

  -- Adds the events of watched jobs to the batches of the engines that watch them.
  local function group_watched(first, last, batches)
    local ids = {}
    for index = first, last do
      ids[#ids + 1] = events[index][2]
    end
    for place, watchers in ipairs(call('HMGET', P .. 'watched', unpack(ids))) do
      for engine, detail, types in string.gmatch(watchers or '', WATCHER) do
        local event = events[first + place - 1]
        if selects({ types = parse(types) }, event) then
          batches[engine] = batches[engine] or {}
          table.insert(batches[engine], detail == 'd' and event or without_detail(event))
        end
      end
    end
  end

  local function publish_watched()
    local batches = {}
    for first = 1, n, CHUNK do
      group_watched(first, math.min(first + CHUNK - 1, n), batches)
    end
    for engine, batch in pairs(batches) do
      publish('watch:' .. engine, batch)
    end
  end

  local function flush()
    if n > 0 then
      publish_filtered()
      if is_watched then
        publish_watched()
      end
      events, n = {}, 0
    end
  end

  return { add = add, flush = flush, may_want = may_want }
end

-- Nil until it is needed; false if nobody listens.
local audience

-- Whether someone may have asked for an event. Ask before you collect what `emit` needs.
local function wants(type, epoch)
  if audience == nil then
    audience = call_unchecked('EXISTS', P .. 'listeners', P .. 'watched') > 0 and make_audience()
  end
  return audience and audience.may_want(type, epoch)
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
