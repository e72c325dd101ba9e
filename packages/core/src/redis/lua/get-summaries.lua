-- What lists summarise of jobs.
--
-- KEYS   1 the prefix of the namespace's keys
-- ARGV   the ids
-- Answer for each job false if it isn't stored, else what lib/summary.lua answers
-- Cost   three or four commands per job
-- @include lib/summary

local reply = {}
for index, id in ipairs(ARGV) do
  reply[index] = read_summary(id)
end
return reply
