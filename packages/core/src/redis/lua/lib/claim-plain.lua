-- The claim of an idle worker that was woken: a few plain jobs, and nothing else to do. It answers before the rest of
-- claim.lua is defined, which takes longer than all of its commands.
-- A block: it gives claim.lua no names.
-- @include lib/claims
-- @include lib/handles
-- @include lib/held
-- @include lib/metrics

do
  -- Max jobs. Of more, the definitions are a small part.
  local MAX_PLAIN = 8

  -- Nil where claim.lua has to look closer; then nothing was changed.
  local function claim_plain(queue, limit, lease, token, handles)
    local fresh = P .. 'fresh:' .. queue
    -- Jobs with a priority or a past, cancelled ones, listeners.
    if call_unchecked('EXISTS', P .. 'ready:' .. queue, P .. 'ghosts:' .. queue, P .. 'listeners', P .. 'watched') > 0 then
      return nil
    end
    local ids = call('LRANGE', fresh, '0', int(math.min(limit, MAX_PLAIN) - 1))
    if #ids == 0 or #ids == MAX_PLAIN and limit > MAX_PLAIN then
      return nil
    end
    local marks = call('SMISMEMBER', P .. 'paused', queue, '/' .. queue)
    local due = call('ZRANGE', P .. 'due', '0', '0', 'WITHSCORES')[2]
    if marks[1] == 1 or marks[2] == 1 or due and tonumber(due) <= now then
      return nil
    end
    local keys = {}
    for index, id in ipairs(ids) do
      keys[index] = JOB .. id
    end
    local values = call_unchecked('MGET', unpack(keys))
    local terms = write_terms(now_text, token)
    local reply, records, waits = {}, {}, {}
    -- Consecutive jobs usually have the same profile, of which this needs little: decoding it all takes much longer.
    local last_profile, profile
    for index, id in ipairs(ids) do
      local profile_id, sequence, created, flags =
        string.match(values[index] or '', '^(%w+) (%d+) (%d+) %S+ (%S+)')
      if flags ~= '-' then
        return nil
      end
      if profile_id ~= last_profile then
        local text = call('HGET', P .. 'profiles', profile_id) or ''
        local message, version = string.match(text, '"m":"([^"]*)","v":(%d+),')
        if not message or not handles_version(handles, message, tonumber(version)) then
          return nil
        end
        last_profile, profile = profile_id, { q = queue, m = message }
      end
      records[2 * index - 1], records[2 * index] = id, FIRST .. profile_id .. ' ' .. sequence .. ' ' .. terms
      reply[3 * index - 2], reply[3 * index - 1], reply[3 * index] = id, '', values[index]
      waits[index] = { profile, now - created }
    end
    for _, wait in ipairs(waits) do
      tally_time(wait[1], 'w', wait[2])
    end
    set_fields(P .. 'active', records)
    call_unchecked('LTRIM', fresh, int(#ids), '-1')
    hold_claim(token, #ids, int(now + lease))
    count_running(queue, #ids)
    flush_claims()
    flush_tallies()
    return reply
  end

  if not ARGV[7] then
    local claimed = claim_plain(ARGV[6], tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[5])
    if claimed then
      return { claimed, -1 }
    end
  end
end
