/**
 * Calls `run` when the event loop has gone round: after what this turn's I/O and promises still do, so that
 * their work can share a round trip. Taken at import, so that a test's fake timers don't stop the runtime.
 */
export const nextTurn: (run: () => void) => void =
  typeof setImmediate === "function"
    ? (setImmediate as (run: () => void) => void)
    : (run) => void setTimeout(run, 0);
