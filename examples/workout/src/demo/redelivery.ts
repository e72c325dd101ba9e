import { once } from "node:events";
import { eq } from "drizzle-orm";
import { notifications } from "../db/schema.ts";
import { test } from "../messages/test-message.ts";
import type { Stage } from "./stage.ts";

/** A job that fails after its effect is stored, so that it runs again. Returns a function that waits for that. */
export async function startJobThatRunsTwice(stage: Stage): Promise<() => Promise<void>> {
  const { queue, db, report, run, track } = stage;
  report.scene("A job that fails after it has sent a notification");
  const userId = `twice-${run}`;
  const notified = () => db.$count(notifications, eq(notifications.userId, userId));
  const id = `notifies-${run}`;
  const events = new EventTarget();
  const failed = once(events, "failed");
  const stop = await queue.subscribe(() => events.dispatchEvent(new Event("failed")), {
    types: ["scheduled"],
    jobs: [id],
  });
  const job = track(
    "notifies, then fails",
    await queue.send(test, { note: "Only once", notify: userId, failures: 1 }, { id }),
  );
  await failed;
  await stop();
  report.expect("its first run failed, and stored its notification", await notified(), 1);
  report.say("It runs again in 2 s.");
  return async () => {
    report.scene("The job that sent a notification, again");
    report.expect("it ran a second time", (await job.wait()).attempt, 2);
    report.expect("but didn't notify again", await notified(), 1);
    stage.expectRows({ notifications: 1 });
  };
}
