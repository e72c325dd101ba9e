import { sql } from "drizzle-orm";
import type { Finding } from "../../engine/finding.ts";
import { randomSource } from "../../errors/random-source.ts";
import type { ChangeListener } from "../changes/listener.ts";
import { type Database, queryRows } from "../database.ts";

/** Milliseconds for a notification to arrive. */
const ARRIVAL_TIMEOUT = 2_000;
const check = "listener";

/** Whether a notification that the database sends arrives at the listener. */
export async function listenerFinding(db: Database, listener: ChangeListener | undefined): Promise<Finding> {
  if (listener === undefined) {
    const text = "The config names none: relays and subscriptions poll every second.";
    return { check, status: "skipped", text };
  }
  const channel = `queue_doctor_${randomSource().randomUUID().slice(0, 8)}`;
  let onArrival = (_arrived: boolean) => {};
  const arrived = new Promise<boolean>((resolve) => {
    onArrival = resolve;
  });
  const start = performance.now();
  const stop = await listener.listen(
    channel,
    () => onArrival(true),
    () => {},
  );
  const timer = setTimeout(() => onArrival(false), ARRIVAL_TIMEOUT);
  try {
    await queryRows(db, sql`select pg_notify(${channel}, '')`);
    if (await arrived) {
      const latency = Math.max(1, Math.round(performance.now() - start));
      return { check, status: "ok", text: `A notification arrived after ${latency} ms.` };
    }
  } finally {
    clearTimeout(timer);
    await stop();
  }
  return {
    check,
    status: "problem",
    text: `No notification arrived within ${ARRIVAL_TIMEOUT / 1_000} s: the listener connects through a pooler in transaction mode, or to another server or database.`,
    remedy:
      "Give the listener the direct address of the database, or leave it out: then relays poll every second.",
  };
}
