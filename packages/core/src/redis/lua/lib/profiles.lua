-- A profile is what the jobs of one message have in common: queue, message type, limits and retention. Jobs
-- name it by a part of its hash. A script reads each at most once.
local profiles = {}

local function profile_of(id)
  local profile = profiles[id]
  if not profile then
    profile = cjson.decode(call('HGET', P .. 'profiles', id))
    -- Names that are needed for every job that ends.
    profile.completed_key = P .. 'completed:' .. profile.q
    profile.kept_completed = profile.m .. ':completed'
    profile.kept_failed = profile.m .. ':failed'
    profile.tombs = { completed = 'co' .. id, failed = 'fa' .. id, cancelled = 'ca' .. id }
    profiles[id] = profile
  end
  return profile
end
