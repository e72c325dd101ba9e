-- Moves jobs between states, like memory/lifecycle.ts. A function, so that a script that doesn't call it creates none
-- of its closures.
local function make_lifecycle()
  -- Declared first: the parts below call these before they are defined.
  local place, finish

  -- @include lib/lifecycle/jobs
  -- @include lib/lifecycle/retention
  -- @include lib/lifecycle/lines
  -- @include lib/lifecycle/waiters
  -- @include lib/lifecycle/dedupe
  -- @include lib/lifecycle/cascade
  -- @include lib/lifecycle/dependents
  -- @include lib/lifecycle/readers
  -- @include lib/lifecycle/runs
  -- @include lib/lifecycle/failures
  -- @include lib/lifecycle/transitions
  -- @include lib/lifecycle/lost

  -- Whether this step has used up its points: the rest is for later steps.
  local function is_spent()
    return points <= 0
  end

  -- Whether this step leaves dependents to later steps.
  local function leaves_undecided()
    return has_undecided
  end

  local function flush()
    settle_lost()
    flush_cascades()
    flush_changes()
    flush_unsaved()
    flush_waiters()
    if flush_dependents then
      flush_dependents()
    end
    if haunted then
      drop_outer_ghosts()
    end
    if flush_failures then
      flush_failures()
    end
  end

  return {
    jobs = jobs,
    entering = entering,
    append_to_line = append_to_line,
    break_run = break_run,
    cancel_dependent = cancel_dependent,
    finish_cancelling = finish_cancelling,
    cascade_of = cascade_of,
    complete_read = complete_read,
    count_ended = count_ended,
    count_failure = count_failure,
    deduped_to = deduped_to,
    deps_of = deps_of,
    describe = describe,
    drop_ghosts = drop_ghosts,
    drop_lost_readers = drop_lost_readers,
    due_entry = due_entry,
    enter = enter,
    finish = finish,
    flush = flush,
    flush_started = flush_started,
    release = release,
    continue_pending = continue_pending,
    has_kept = has_kept,
    has_waiters = has_waiters,
    leaves_undecided = leaves_undecided,
    is_pinned = is_pinned,
    is_spent = is_spent,
    is_terminal = is_terminal,
    keep_plain = keep_plain,
    lane_of = lane_of,
    letter_of = letter_of,
    load = load,
    mark_lost = mark_lost,
    may_be_fresh = may_be_fresh,
    place = place,
    propagate = propagate,
    read_waiters = read_waiters,
    record_failure = record_failure,
    remove = remove,
    readers_of = readers_of,
    reopen = reopen,
    retain = retain,
    set_waiter = set_waiter,
    state_of = state_of,
    take_dedupe = take_dedupe,
    trim = trim,
    waiting_behind = waiting_behind,
  }
end

local lifecycle
local function life()
  lifecycle = lifecycle or make_lifecycle()
  return lifecycle
end
