-- Ends a step that may have changed something. `tombs`: tombstones to keep. `has_claimed`: whether the step may have
-- claimed what it made runnable.
-- @include lib/claims
-- @include lib/events
-- @include lib/lifecycle
-- @include lib/metrics
-- @include lib/tombs
-- @include lib/wake

local function end_step(tombs, has_claimed)
  if lifecycle then
    lifecycle.flush()
  end
  flush_deleted(tombs)
  flush_claims()
  flush_tallies()
  flush_wakes(has_claimed)
  flush_events()
end
