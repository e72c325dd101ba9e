-- What a worker handles: " message:version message:version ", or "" for everything.

-- Whether a message in this version is handled.
local function handles_version(handles, message, version)
  if handles == '' then
    return true
  end
  local _, last = string.find(handles, ' ' .. message .. ':', 1, true)
  return last ~= nil and version <= tonumber(string.match(handles, '^%d+', last + 1))
end

-- The same for a kind, `message@version`.
local function handles_kind(handles, kind)
  local message, version = string.match(kind, '^(.*)@(%d+)$')
  return message ~= nil and handles_version(handles, message, tonumber(version))
end
