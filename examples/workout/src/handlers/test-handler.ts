import { setTimeout as pause } from "node:timers/promises";
import { type Handler, UnrecoverableError } from "@org/queue";
import type { test } from "../messages/test-message.ts";

/** Does what it is asked: takes a while, fails at first, or fails for good. */
export const runTest: Handler<typeof test> = async ({ data, job, signal }) => {
  const { note, takesMs = 0, failures = 0, hopeless = false } = data;
  if (takesMs > 0) {
    await pause(takesMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
  if (hopeless) throw new UnrecoverableError(`Failed for good, as asked: ${note}`);
  if (job.attempt <= failures)
    throw new Error(`Failed attempt ${job.attempt} of ${failures}, as asked: ${note}`);
  return { note, attempt: job.attempt, pid: process.pid };
};
