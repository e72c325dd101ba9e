/**
 * Calls `run` in the next turn of the event loop, after the I/O callbacks and promises of this one, so that their work
 * can share a round trip. Read at import, so that a test's fake timers don't stop the runtime.
 */
export const nextTurn: (run: () => void) => void =
  typeof setImmediate === "function"
    ? (setImmediate as (run: () => void) => void)
    : (run) => void setTimeout(run, 0);
