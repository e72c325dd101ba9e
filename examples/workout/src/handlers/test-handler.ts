import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { type Handler, UnrecoverableError } from "@org/queue";
import { once } from "@org/queue/postgres";
import type { Database } from "../db/open.ts";
import { notifications } from "../db/schema.ts";
import type { test } from "../messages/test-message.ts";

/** Does what its data says: takes a while, sends a notification, fails at first, or fails for good. */
export function runTest(db: Database): Handler<typeof test> {
  return async (context) => {
    const { data, job, signal } = context;
    const { note, takesMs = 0, notify, failures = 0, hopeless = false } = data;
    const from = Date.now();
    if (takesMs > 0) {
      await pause(takesMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
    if (notify !== undefined) {
      // A new id each time, so that only the inbox prevents further notifications.
      const notice = { id: randomUUID(), userId: notify, kind: "system", title: note, body: "" } as const;
      await once(db, context, (tx) => tx.insert(notifications).values(notice));
    }
    if (hopeless) throw new UnrecoverableError(`Failed for good, as asked: ${note}`);
    if (job.attempt <= failures)
      throw new Error(`Failed attempt ${job.attempt} of ${failures}, as asked: ${note}`);
    return { note, attempt: job.attempt, pid: process.pid, from, to: Date.now() };
  };
}
