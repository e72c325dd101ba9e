-- Dependents that have ended: `dependents` has "n id ... id" by the id of the job that they depended on, where n is how
-- many there were, and the ids are the newest of them, oldest first. A step writes its changes at its end, in two
-- commands. Flows of jobs that are all kept run 5 % slower for it, those of jobs that aren't kept as fast.
-- @import MAX_ENDED_DEPENDENTS from engine/engine-limits
-- @include lib/tombs

-- No job has as many dependents.
local MAX_COUNT = 1000000000

-- By the id of the job depended on: the id of a dependent that has ended, or a list of ids, each followed by whether it
-- has ended (else it is reopened). Created with the functions below when the first one ends.
local ended_dependents, flush_dependents

-- How many dependents have ended, of the text of a job that names some. At least these, whatever the text says.
local function count_ended(text, named)
  local n = tonumber(string.match(text, '^%d+')) or 0
  return n < MAX_COUNT and math.max(n, named) or named
end

local function note_dependent(id, dependent, has_ended)
  if not ended_dependents then
    ended_dependents = {}
    local DEPENDENTS = P .. 'dependents'

    local function drop(ids, dependent)
      for index = 1, #ids do
        if ids[index] == dependent then
          table.remove(ids, index)
          return true
        end
      end
      return false
    end

    local function changed(text, changes)
      if type(changes) == 'string' then
        if text == '' then
          return '1 ' .. changes
        end
        changes = { changes, true }
      end
      local ids = {}
      for other in string.gmatch(text, ' (%S+)') do
        ids[#ids + 1] = other
      end
      local n = count_ended(text, #ids)
      for at = 1, #changes, 2 do
        local was_known = drop(ids, changes[at])
        if changes[at + 1] then
          ids[#ids + 1] = changes[at]
          n = was_known and n or n + 1
        elseif was_known then
          n = n - 1
        end
        if #ids > MAX_ENDED_DEPENDENTS then
          table.remove(ids, 1)
        end
      end
      return n > 0 and int(n) .. ' ' .. table.concat(ids, ' ') or ''
    end

    function flush_dependents()
      local ids = {}
      for id in pairs(ended_dependents) do
        if not deleted[id] then
          ids[#ids + 1] = id
        end
      end
      local written, gone = {}, {}
      for first = 1, #ids, CHUNK do
        local last = math.min(first + CHUNK - 1, #ids)
        local texts = call('HMGET', DEPENDENTS, unpack(ids, first, last))
        for index = first, last do
          local id = ids[index]
          local text = changed(texts[index - first + 1] or '', ended_dependents[id])
          if text ~= '' then
            written[#written + 1] = id
            written[#written + 1] = text
          else
            gone[#gone + 1] = id
          end
        end
      end
      has_dependents = nil
      call_each('HDEL', DEPENDENTS, gone)
      set_fields(DEPENDENTS, written)
      ended_dependents = {}
    end
  end
  local changes = ended_dependents[id]
  -- Most jobs have one dependent.
  if not changes and has_ended then
    ended_dependents[id] = dependent
    return
  elseif type(changes) ~= 'table' then
    changes = changes and { changes, true } or {}
    ended_dependents[id] = changes
  end
  changes[#changes + 1] = dependent
  changes[#changes + 1] = has_ended
end
