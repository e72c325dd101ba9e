-- Failed attempts: their errors, and the groups of failures that are alike. `groups` has the fingerprints of groups by
-- the instant of their latest failure, `group:<fingerprint>` the counts of one, `grouped:<fingerprint>` the ids of its
-- jobs by sequence. A step counts its failures here and writes them at its end.
-- @import MAX_FAILURES from engine/engine-limits
-- @import MAX_FAILURE_GROUPS, MIN_SWEPT_GROUP_JOBS, MAX_GROUP_HOURS, GROUP_LIFETIME from engine/failure-groups
-- @include lib/lifecycle/jobs

-- Keeps the error of a failed attempt.
local function record_failure(job, error)
  local key = P .. 'failures:' .. job.id
  call('RPUSH', key, int(job.epoch) .. ' ' .. int(job.started) .. ' ' .. now_text .. ' ' .. error)
  call('LTRIM', key, -MAX_FAILURES, -1)
  job.has_state = true
end

-- Of groups that failed in this step, by their texts. Created with the functions below when the first failure is
-- counted, since most steps have none.
local failed_groups, flush_failures

-- `kind`: "failed" (the failure ends the job) or "retried". `text`: JSON of fingerprint, code, title and frame.
local function count_failure(job, text, kind)
  if not failed_groups then
    failed_groups = {}
    local HOUR = 3600000
    -- Entries that are checked in passing, besides two for each that is added.
    local CHECKED = 20

    local function prune_hours(key, hour)
      local fields = call('HGETALL', key)
      local old = {}
      for index = 1, #fields, 2 do
        local at = string.match(fields[index], '^[fr](%d+)$')
        if at and tonumber(at) <= hour - MAX_GROUP_HOURS * HOUR then
          old[#old + 1] = fields[index]
        end
      end
      call_each('HDEL', key, old)
    end

    -- Drops jobs that are gone before so many are added: the oldest, which retention removes first, and of a large
    -- group twice as many as are added from a place that changes with the time, so that they can't pile up.
    local function drop_gone(key, n)
      local ids, gone = call('ZRANGE', key, 0, 2 * n + CHECKED), {}
      for index = 1, #ids do
        if call('EXISTS', JOB .. ids[index]) == 1 then
          break
        end
        gone[index] = ids[index]
      end
      local size = call('ZCARD', key)
      if size > MIN_SWEPT_GROUP_JOBS then
        local first = now % 1000000 * 7919 % size
        for _, id in ipairs(call('ZRANGE', key, int(first), int(first + 2 * n - 1))) do
          if call('EXISTS', JOB .. id) == 0 then
            gone[#gone + 1] = id
          end
        end
      end
      call_each('ZREM', key, gone)
    end

    local function add_jobs(key, counted)
      local scored = {}
      for id, added in pairs(counted) do
        if not added.is_deleted then
          scored[#scored + 1] = int(added.sequence)
          scored[#scored + 1] = id
        end
      end
      if #scored > 0 then
        drop_gone(key, #scored / 2)
        call_each('ZADD', key, scored)
        call('PEXPIRE', key, GROUP_LIFETIME)
      end
    end

    local function write_group(group)
      local key = P .. 'group:' .. group.fingerprint
      local hour = now - now % HOUR
      call('HSET', key, 'm', group.message, 'q', group.queue, 'c', group.code, 't', group.title, 'w', group.frame)
      call('HSETNX', key, 'first', now_text)
      for kind, n in pairs(group.counts) do
        call('HINCRBY', key, kind, n)
        if call('HINCRBY', key, string.sub(kind, 1, 1) .. int(hour), n) == n then
          prune_hours(key, hour)
        end
      end
      call('PEXPIRE', key, GROUP_LIFETIME)
      call('ZADD', P .. 'groups', now_text, group.fingerprint)
      add_jobs(P .. 'grouped:' .. group.fingerprint, group.jobs)
    end

    function flush_failures()
      if not next(failed_groups) then
        return
      end
      for _, group in pairs(failed_groups) do
        if group then
          write_group(group)
        end
      end
      failed_groups = {}
      call('ZREMRANGEBYSCORE', P .. 'groups', '-inf', int(now - GROUP_LIFETIME))
      local too_many = call('ZCARD', P .. 'groups') - MAX_FAILURE_GROUPS
      if too_many > 0 then
        local popped = call('ZPOPMIN', P .. 'groups', too_many)
        for at = 1, #popped, 2 do
          call('UNLINK', P .. 'group:' .. popped[at], P .. 'grouped:' .. popped[at])
        end
      end
    end
  end
  local group = failed_groups[text]
  if group == nil then
    local is_read, key = pcall(cjson.decode, text)
    group = is_read and type(key) == 'table' and key[3] and {
      fingerprint = key[1], code = key[2], title = key[3], frame = key[4] or '', counts = {}, jobs = {},
    } or false
    failed_groups[text] = group
  end
  if group then
    group.message, group.queue = job.profile.m, job.queue
    group.counts[kind] = (group.counts[kind] or 0) + 1
    group.jobs[job.id] = job
  end
end
