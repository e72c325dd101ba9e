-- Unfinished jobs that depend on a job, by its id: theirs, each with the first letter of its policy while it waits,
-- or "-" once it only reads the result. While there is any, retention spares the job. Of a job that completed
-- nobody waits any more, whatever the letters say.

local function waiters_of(id)
  return P .. 'waiters:' .. id
end

local is_marked = false

-- From now on `job` reads another's result, and spares it from retention. `letter`: its policy while it waits for
-- the other, or "-".
local function begin_reading(job, id, letter)
  if not is_marked then
    is_marked = true
    -- Until there is this key, nobody need ask whether anything waits for a job.
    call('SET', P .. 'dependencies', 1)
  end
  call('HSET', waiters_of(id), job.id, letter)
  if letter ~= '-' then
    job.pending = job.pending + 1
  end
  local dependency = load(id)
  dependency.has_no_waiters = false
  return dependency.state and is_terminal(dependency.state) and dependency or nil
end

local function is_waiting_for(letter, state)
  return letter and letter ~= '-' and state ~= 'completed'
end
