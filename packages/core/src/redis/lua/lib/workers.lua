-- The registered workers. `workers` has the instant of a worker's start and its record, `workers:running` its last beat,
-- and `workers:seen` until when it is alive.
-- @import WORKER_LIFETIME from engine/engine-limits

-- Without workers, the keys are gone after this time.
local WORKER_KEYS_LIFETIME = 60000

local function keep_worker(id)
  call('ZADD', P .. 'workers:seen', int(now + WORKER_LIFETIME), id)
  for _, key in ipairs({ 'workers', 'workers:seen', 'workers:running' }) do
    call('PEXPIRE', P .. key, WORKER_KEYS_LIFETIME)
  end
end

local function drop_workers(ids)
  call_each('HDEL', P .. 'workers', ids)
  call_each('HDEL', P .. 'workers:running', ids)
  call_each('ZREM', P .. 'workers:seen', ids)
end
