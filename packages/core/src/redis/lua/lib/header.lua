-- The header of a job's value: `profile sequence created stamp flags[ extras]`. The flags are "-", or some of k, d, p and
-- w. A job that was cancelled before it left its fresh list says so in the first of them, which is "=" or a capital
-- letter then. So it doesn't run even if `ghosts:` is lost.

-- Matches the flags of a job whose entry in a fresh list is void.
local VOID = '^[=%u]'
-- Captures the flags.
local HEADER_FLAGS = '^%w+ %d+ %d+ %S+ (%S+)'
