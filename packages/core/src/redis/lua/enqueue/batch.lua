-- Batches whose jobs refer to others. Decides like memory/batch-plan.ts, then admits jobs like memory/lifecycle.ts. All
-- is decided before the first write.
-- @include lib/events
-- @include lib/admission
-- @include lib/lifecycle
-- @include lib/metrics
-- @include lib/profiles
-- @include lib/search
-- @include lib/tombs
-- @include lib/wake

local BATCH_FIELDS = 4

local function read_batch(at, profile_ids)
  local n, flags = tonumber(ARGV[at + 1]), ARGV[at + 2]
  at = at + 3
  local specs = {
    may_cycle = string.find(flags, 'c', 1, true), are_given = string.find(flags, 'g', 1, true),
  }
  for index = 1, n do
    local id, terms = ARGV[at], ARGV[at + 1]
    local place = tonumber(terms)
    -- The spec of a plain job becomes the job. With all fields here, Lua sizes the table once.
    local spec = {
      id = id, header = ARGV[at + 2], data = ARGV[at + 3],
      is_plain = place ~= nil, profile_id = profile_ids[place], queue = nil, state = nil,
    }
    if not place then
      local delay
      place, delay = string.match(terms, '^(%d+) (%d+)$')
      spec.profile_id, spec.delay = profile_ids[tonumber(place)], tonumber(delay)
      local text = string.match(spec.header, '^ %S+ [kdpw]+ ([^\n]*)')
      spec.extras = text and cjson.decode(text)
      spec.dedupe = spec.extras and spec.extras.w and spec.extras.w[2]
    end
    specs[index] = spec
    at = at + BATCH_FIELDS
  end
  return specs, at
end

local function is_known(id)
  return deleted[id] or call('EXISTS', JOB .. id) == 1 or tomb_of(id)
end

-- Replaces deduplicated jobs by the jobs that exist, and drops repeated references: the first one counts.
local function resolve(deps, aliases)
  local resolved, seen = {}, {}
  for index = 1, #deps, 2 do
    local id = aliases[deps[index]] or deps[index]
    if not seen[id] then
      seen[id] = true
      resolved[#resolved + 1] = id
      resolved[#resolved + 1] = deps[index + 1]
    end
  end
  return resolved
end

-- A cycle among the new jobs of a batch: ids in the order of waiting, with the first repeated at the end; or nil. A job
-- also waits for the one before it with its ordering key. Uses a list instead of recursion: a batch may be one long
-- chain.
local function find_cycle(fresh)
  local place, edges, last_of_key = {}, {}, {}
  for index, spec in ipairs(fresh) do
    place[spec.id] = index
  end
  for index, spec in ipairs(fresh) do
    local targets = {}
    for at = 1, #(spec.deps or {}), 2 do
      targets[#targets + 1] = place[spec.deps[at]]
    end
    if spec.key then
      local key = profile_of(spec.profile_id).q .. '\0' .. spec.key
      targets[#targets + 1] = last_of_key[key]
      last_of_key[key] = index
    end
    edges[index] = targets
  end
  local done = {}
  for root = 1, #fresh do
    local path, on_path, next_edge = { root }, { [root] = 1 }, { 1 }
    while #path > 0 do
      local depth = #path
      local node = path[depth]
      local target = not done[node] and edges[node][next_edge[depth]]
      next_edge[depth] = next_edge[depth] + 1
      if not target then
        done[node] = true
        on_path[node] = nil
        path[depth] = nil
      elseif on_path[target] then
        local cycle = { 'cycle' }
        for index = on_path[target], depth do
          cycle[#cycle + 1] = fresh[path[index]].id
        end
        cycle[#cycle + 1] = fresh[target].id
        return cycle
      elseif not done[target] then
        path[depth + 1] = target
        on_path[target] = depth + 1
        next_edge[depth + 1] = 1
      end
    end
  end
  return nil
end

-- The jobs of a batch that are stored already, by id.
local function known_among(specs)
  local is_known, is_seen = {}, {}
  for first = 1, #specs, CHUNK do
    local ids = {}
    for index = first, math.min(first + CHUNK - 1, #specs) do
      ids[#ids + 1] = specs[index].id
    end
    local known = known_places(ids, specs.are_given)
    for place, id in ipairs(known and ids or {}) do
      -- The second place of a new id counts as known, too.
      if known[place] and not is_seen[id] then
        is_known[id] = true
      end
      is_seen[id] = true
    end
  end
  return is_known
end

-- Whether a job of another message has the id of `spec`. `first`: the job of this batch that has it.
local function other_message(spec, first)
  local other = first and profile_of(first.profile_id).m or not first and message_of(spec.id)
  return other and other ~= profile_of(spec.profile_id).m and other
end

local function store_batch(specs)
  local known = known_among(specs)
  local fresh, is_fresh, aliases, dedupes = {}, {}, {}, {}
  local reply = { 'stored' }
  for _, spec in ipairs(specs) do
    local id, is_new = spec.id, 0
    if is_fresh[id] or known[id] then
      local other = other_message(spec, is_fresh[id])
      if other then
        return { 'in use', id, other }
      end
    else
      local first = spec.dedupe and (dedupes[spec.dedupe] or life().deduped_to(spec.dedupe))
      if first then
        aliases[id] = first
        id = first
      else
        if spec.dedupe then
          dedupes[spec.dedupe] = id
        end
        is_fresh[id] = spec
        fresh[#fresh + 1] = spec
        is_new = 1
      end
    end
    reply[#reply + 1] = id
    reply[#reply + 1] = is_new
  end

  local missing, is_missing = { 'missing' }, {}
  for _, spec in ipairs(fresh) do
    local extras = spec.extras
    if extras then
      spec.key = extras.o
      if extras.d then
        spec.deps = resolve(extras.d, aliases)
        if #spec.deps ~= #extras.d or next(aliases) then
          extras.d = spec.deps
          spec.header = string.match(spec.header, '^ %S+ %S+ ') .. cjson.encode(extras) .. '\n'
        end
        for at = 1, #spec.deps, 2 do
          local id = spec.deps[at]
          if not is_fresh[id] and not is_missing[id] and not is_known(id) then
            is_missing[id] = true
            missing[#missing + 1] = id
          end
        end
      end
    end
  end
  if #missing > 1 then
    return missing
  end
  local cycle = specs.may_cycle and find_cycle(fresh)
  if cycle then
    return cycle
  end

  local L = life()
  local sequence = take_sequences(#fresh)
  local values, jobs, sent = {}, {}, {}
  local searchable
  for index, spec in ipairs(fresh) do
    local profile = profile_of(spec.profile_id)
    local queue = profile.q
    if profile.s then
      searchable = searchable or {}
      search_index().collect_new(searchable, profile, spec.header, sequence + index, spec.id)
    end
    values[2 * index - 1] = JOB .. spec.id
    values[2 * index] = spec.profile_id .. ' ' .. int(sequence + index) .. ' ' .. now_text .. spec.header .. spec.data
    sent[profile] = (sent[profile] or 0) + 1
    if spec.is_plain and not has_ghosts(queue) then
      -- It can run at once, and this step does nothing more with it, so it needs no more fields.
      spec.queue, spec.state = queue, 'queued'
      jobs[index] = spec
      L.jobs[spec.id] = spec
    else
      local job = L.describe(spec.id, spec.profile_id, sequence + index, now, spec.extras)
      job.at = (spec.delay or 0) > 0 and now + spec.delay or 0
      jobs[index] = job
      L.entering[job.id] = true
      if job.key then
        L.append_to_line(job)
      end
      if job.has_dedupe then
        L.take_dedupe(job)
      end
    end
  end
  for profile, n in pairs(sent) do
    register_queue(profile.q)
    tally(profile, 'sent', n)
  end
  for first = 1, #values, CHUNK do
    call('MSET', unpack(values, first, math.min(first + CHUNK - 1, #values)))
  end
  if searchable then
    search_index().add(searchable)
  end

  local pushed = {}
  local function push_fresh(job)
    if has_ghosts(job.queue) and call('SMISMEMBER', P .. 'ghosts:' .. job.queue, job.id)[1] == 1 then
      return false
    end
    local ids = pushed[job.queue]
    if not ids then
      ids = {}
      pushed[job.queue] = ids
    end
    ids[#ids + 1] = job.id
    return true
  end
  for index, job in ipairs(jobs) do
    if job.state == 'queued' then
      wake(job.queue, 1)
      if wants('queued', 0) then
        emit('queued', job.id, job.queue, profile_of(job.profile_id).m, 0, false, false)
      end
      push_fresh(job)
    else
      L.enter(job, push_fresh)
    end
  end
  for queue, ids in pairs(pushed) do
    call_each('RPUSH', P .. 'fresh:' .. queue, ids)
  end
  L.propagate()
  return reply
end
