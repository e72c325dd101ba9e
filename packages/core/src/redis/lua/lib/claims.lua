-- Who holds jobs: a claim's token stands in `leases` with the end of its lease, and in `claims` with how many jobs
-- it holds. All jobs of a claim are nearly always renewed together; one that isn't gets a token of its own.
local released = {}

-- Whether a lease with a claim's token is that of a record with the token `own`: its own, with "+" and a number behind
-- it once it was renewed without the rest of its claim.
local function is_of_claim(own, token)
  return own == token or string.match(own, '^[^+]*') == token
end

local function drop_from_claim(token, n)
  released[token] = (released[token] or 0) + n
end

-- Attempts that began in this step, less those that ended, by queue.
local running = {}

local function count_running(queue, n)
  running[queue] = (running[queue] or 0) + n
end

local function hold_claim(token, n, expires)
  call('HINCRBY', P .. 'claims', token, n)
  call('ZADD', P .. 'leases', expires, token)
end

local function flush_claims()
  for token, n in pairs(released) do
    if call('HINCRBY', P .. 'claims', token, -n) <= 0 then
      call_unchecked('HDEL', P .. 'claims', token)
      call('ZREM', P .. 'leases', token)
    end
  end
  released = {}
  for queue, n in pairs(running) do
    if n ~= 0 then
      call('HINCRBY', P .. 'running', queue, n)
    end
  end
end
