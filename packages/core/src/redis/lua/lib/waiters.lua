-- Unfinished jobs that depend on a job, by its id: theirs, each with the first letter of its policy while it waits,
-- or "-" once it only reads the result. While there is any, retention spares the job. Of a job that completed
-- nobody waits any more, whatever the letters say.

local function waiters_of(id)
  return P .. 'waiters:' .. id
end

local is_marked = false

-- `unretain`: what is read isn't for retention to take.
local function begin_reading(job, unretain)
  if not is_marked then
    is_marked = true
    -- Until there is this key, nobody need ask whether anything waits for a job.
    call('SET', P .. 'dependencies', 1)
  end
  for index = 1, #job.deps, 2 do
    local dependency = load(job.deps[index])
    if dependency then
      call('HSETNX', waiters_of(dependency.id), job.id, '-')
      dependency.has_no_waiters = false
      if dependency.state and is_terminal(dependency.state) then
        unretain(dependency)
      end
    end
  end
end

local function await(job, dependency, policy)
  call('HSET', waiters_of(dependency), job.id, policy)
  job.pending = job.pending + 1
end

local function is_waiting_for(letter, state)
  return letter and letter ~= '-' and state ~= 'completed'
end
