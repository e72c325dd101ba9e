import { once } from "node:events";
import { eq } from "drizzle-orm";
import { notifications } from "../db/schema.ts";
import { test } from "../messages/test-message.ts";
import type { Stage } from "./stage.ts";

/** A job that fails when its effect is stored already, and so is run again. The answer waits for that. */
export async function startJobThatRunsTwice(stage: Stage): Promise<() => Promise<void>> {
  const { queue, db, report, run, track } = stage;
  report.scene("A job that fails after it has notified somebody");
  const userId = `twice-${run}`;
  const notified = () => db.$count(notifications, eq(notifications.userId, userId));
  const id = `notifies-${run}`;
  const events = new EventTarget();
  const failed = once(events, "failed");
  const stop = await queue.subscribe(() => events.dispatchEvent(new Event("failed")), {
    type: "scheduled",
    job: id,
  });
  const job = track(
    "notifies, then fails",
    await queue.send(test, { note: "Only once", notify: userId, failures: 1 }, { id }),
  );
  await failed;
  await stop();
  report.expect("its first run has failed, and left its notification", await notified(), 1);
  report.say("It is run again in 2 s.");
  return async () => {
    report.scene("The job that notified somebody, again");
    report.expect("it ran a second time", (await job.wait()).attempt, 2);
    report.expect("but didn't notify again", await notified(), 1);
    stage.expectRows({ notifications: 1 });
  };
}
