-- Events of this step. They are published at its end in one message, and only if there are listeners.
local events = {}
local event_bytes = 0
local is_anyone_listening
-- Events carry results: one message of many large ones would block the server.
local MAX_EVENT_BYTES = 1000000

local function has_listeners()
  if is_anyone_listening == nil then
    -- If the user may not ask, publish in any case: an error after the first writes would end the step halfway.
    local reply = redis.pcall('PUBSUB', 'NUMSUB', C .. 'events')
    is_anyone_listening = reply.err ~= nil or reply[2] > 0
  end
  return is_anyone_listening
end

local function flush_events()
  if #events == 0 then
    return
  end
  -- If the user may not publish, the writes still count, and `health()` reports it.
  redis.pcall('PUBLISH', C .. 'events', cjson.encode({ now, events }))
  events = {}
  event_bytes = 0
end

-- `result` and `error`: false, or JSON text.
local function emit(type, id, queue, message_type, epoch, result, error)
  if not has_listeners() then
    return
  end
  events[#events + 1] = { type, id, queue, message_type, epoch, result, error }
  event_bytes = event_bytes + (result and #result or 0) + (error and #error or 0)
  if event_bytes > MAX_EVENT_BYTES then
    flush_events()
  end
end
