-- The index of searchable fields. `index:<message>:<field>` has an entry for each job with a value: value, sequence and
-- id, all with score 0, so Redis orders them as text, and the jobs of one value by sequence. A profile names the fields
-- that its message declares; the extras of a job have its values.
--
-- One function, because most scripts don't use it.
-- @include lib/extras

local index

local function search_index()
  if index then
    return index
  end
  index = {}
  -- A value may contain the character that ends it in an entry.
  local ESCAPES = { ['\0'] = '\1\1', ['\1'] = '\1\2' }

  function index.key(message_type, field)
    return P .. 'index:' .. message_type .. ':' .. field
  end

  -- The start of all entries of a value.
  function index.start(value)
    return (string.gsub(value, '[%z\1]', ESCAPES)) .. '\0'
  end

  -- The end of an entry.
  function index.place(sequence, id)
    return string.format('%016d', sequence) .. '\0' .. id
  end

  -- Adds a job's entries to lists by key. `values`: by field, as its extras have them.
  function index.collect(lists, profile, values, sequence, id)
    for _, field in ipairs(type(values) == 'table' and profile.s or {}) do
      local value = values[field]
      if type(value) == 'string' then
        local key = index.key(profile.m, field)
        lists[key] = lists[key] or {}
        table.insert(lists[key], index.start(value) .. index.place(sequence, id))
      end
    end
  end

  -- The same for a new job. `header`: from its stamp on.
  function index.collect_new(lists, profile, header, sequence, id)
    local is_read, extras = pcall(cjson.decode, string.match(header, '^ %S+ %S+ ([^\n]*)') or '')
    if is_read and type(extras) == 'table' then
      index.collect(lists, profile, extras.s, sequence, id)
    end
  end

  function index.add(lists)
    for key, entries in pairs(lists) do
      local scored = {}
      for _, entry in ipairs(entries) do
        scored[#scored + 1] = 0
        scored[#scored + 1] = entry
      end
      call_each('ZADD', key, scored)
    end
  end

  -- The entries of a stored job, in lists by key. Adds to `lists` if they are given.
  function index.entries_of(id, profile, lists)
    lists = lists or {}
    local start = call('GETRANGE', JOB .. id, 0, 255)
    local sequence = string.match(start, '^%w+ (%d+)')
    local extras = sequence and extras_of(id, start)
    if extras then
      index.collect(lists, profile, extras.s, tonumber(sequence), id)
    end
    return lists
  end

  -- Removes the entries of stored jobs: ids and profiles in turn.
  function index.remove(jobs)
    local lists = {}
    for at = 1, #jobs, 2 do
      index.entries_of(jobs[at], jobs[at + 1], lists)
    end
    for key, entries in pairs(lists) do
      call_each('ZREM', key, entries)
    end
  end

  return index
end
