-- A profile is what jobs of one message share: queue, message type, limits and retention. Jobs refer to it by a part of
-- its hash. A script reads each at most once.
local profiles = {}
-- The texts of new profiles, until they are written.
local new_profiles = {}

-- Nil if the profile is missing or can't be read.
local function profile_of(id)
  local profile = profiles[id]
  if not profile then
    local is_read
    is_read, profile = pcall(cjson.decode, new_profiles[id] or call('HGET', P .. 'profiles', id) or '')
    if not is_read or type(profile) ~= 'table' or not (profile.q and profile.m and profile.cc and profile.fc) then
      return nil
    end
    profile.v = tonumber(profile.v) or 0
    -- Searchable fields, if its message declares any.
    profile.s = type(profile.s) == 'table' and profile.s or nil
    -- As the names of lanes have it: see lib/lanes.lua.
    profile.kind = profile.m .. '@' .. int(profile.v)
    -- Names that every ending needs.
    profile.completed_key = P .. 'completed:' .. profile.q
    profile.kept_completed = profile.m .. ':completed'
    profile.kept_failed = profile.m .. ':failed'
    profile.id, profile.tombs = id, {}
    profiles[id] = profile
  end
  return profile
end
