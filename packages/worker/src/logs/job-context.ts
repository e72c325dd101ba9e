import { AsyncLocalStorage } from "node:async_hooks";
import type { AttemptInfo } from "@org/queue";

/** The attempt that a piece of work belongs to. */
export interface JobScope {
  readonly job: AttemptInfo;
  /** Where its handler's lines go. Absent where attempts aren't logged. */
  readonly sink?: LineSink;
}

/** Takes the lines that a handler logs. */
export interface LineSink {
  write(level: "debug" | "info" | "warn" | "error", fields: object, message: string): void;
}

/** Shared by all copies of this package in a process: a config's loader may bring its own. */
const KEY = Symbol.for("@org/queue-worker/job-scope");
const shared = globalThis as { [KEY]?: AsyncLocalStorage<JobScope> };
shared[KEY] ??= new AsyncLocalStorage();
const storage = shared[KEY];

/** Runs work, and all that it starts, as part of a job's attempt. */
export function inJob<T>(job: AttemptInfo, work: () => T): T {
  return storage.getStore()?.job === job ? work() : storage.run({ job }, work);
}

/** As `inJob`, with where the handler's lines go. */
export function inScope<T>(scope: JobScope, work: () => T): T {
  return storage.run(scope, work);
}

/** The attempt that the caller is part of, also in timers and callbacks that it started. */
export function currentJob(): AttemptInfo | undefined {
  return storage.getStore()?.job;
}

export function currentScope(): JobScope | undefined {
  return storage.getStore();
}
