-- Everything that is stored of jobs.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   the ids
-- Answer for each job false if it isn't stored, else {value, record of a held job or "", `state:` hash as a flat list,
--        failures, logs}
-- Cost   four or five commands per job
-- @include lib/read

local reply = {}
for index, id in ipairs(ARGV) do
  reply[index] = read(id)
end
return reply
