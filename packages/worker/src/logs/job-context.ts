import { AsyncLocalStorage } from "node:async_hooks";
import type { AttemptInfo } from "@org/queue";

const storage = new AsyncLocalStorage<AttemptInfo>();

/** Runs work, and all that it starts, as part of a job's attempt. */
export function inJob<T>(job: AttemptInfo, work: () => T): T {
  return storage.run(job, work);
}

/** The attempt that the caller is part of, also in timers and callbacks that it started. */
export function currentJob(): AttemptInfo | undefined {
  return storage.getStore();
}
