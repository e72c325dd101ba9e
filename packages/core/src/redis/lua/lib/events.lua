-- Events of this step, published at its end in one message, and only when somebody listens.
local events = {}
local event_bytes = 0
local is_heard
-- Endings carry results: a message of many large ones would hold up the server.
local MAX_EVENT_BYTES = 1000000

local function has_listeners()
  if is_heard == nil then
    -- Who may not ask publishes in any case: an error after the first writes would end the step in its middle.
    local reply = redis.pcall('PUBSUB', 'NUMSUB', C .. 'events')
    is_heard = reply.err ~= nil or reply[2] > 0
  end
  return is_heard
end

local function flush_events()
  if #events == 0 then
    return
  end
  -- Who may not publish has written all the same: `health()` tells.
  redis.pcall('PUBLISH', C .. 'events', cjson.encode({ now, events }))
  events = {}
  event_bytes = 0
end

-- `result` and `error` are false, or the JSON text of a job's ending.
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
