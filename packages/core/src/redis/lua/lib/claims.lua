-- Claims hold jobs. `leases` has each claim's token with the end of its lease, and `claims` the number of jobs that it
-- holds. All jobs of a claim are usually renewed together; a job that isn't gets a new token.
local released = {}

-- Whether a token in a record (`own`) belongs to the claim with this token. Jobs that were renewed without the rest of
-- their claim have its token with "+" and a number appended.
local function is_of_claim(own, token)
  return own == token or string.match(own, '^[^+]*') == token
end

local function drop_from_claim(token, n)
  released[token] = (released[token] or 0) + n
end

-- Attempts started in this step, minus those ended, by queue.
local running = {}

local function count_running(queue, n)
  running[queue] = (running[queue] or 0) + n
end

local function hold_claim(token, n, expires)
  call('HINCRBY', P .. 'claims', token, int(n))
  call('ZADD', P .. 'leases', expires, token)
end

local function flush_claims()
  for token, n in pairs(released) do
    if call('HINCRBY', P .. 'claims', token, int(-n)) <= 0 then
      call_unchecked('HDEL', P .. 'claims', token)
      call('ZREM', P .. 'leases', token)
    end
  end
  released = {}
  for queue, n in pairs(running) do
    if n ~= 0 then
      call('HINCRBY', P .. 'running', queue, int(n))
    end
  end
end
