-- Everything that is stored of jobs.
--
-- KEYS   1 the namespace's prefix
-- ARGV   the ids
-- Answer of each false when it isn't stored, else {value, record of an active job or "", `state:` hash as a flat
--        list, failures, logs}
-- Cost   four or five commands a job
-- @include lib/read

local reply = {}
for index, id in ipairs(ARGV) do
  reply[index] = read(id)
end
return reply
