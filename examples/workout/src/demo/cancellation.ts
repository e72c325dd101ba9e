import { once } from "node:events";
import { isQueueError } from "@org/queue";
import { test } from "../messages/test-message.ts";
import type { Stage } from "./stage.ts";

/** Cancels one job while it runs, and one before it is due. */
export async function cancellations(stage: Stage): Promise<void> {
  const { queue, report, run, track } = stage;
  report.scene("A cancellation");
  const id = `long-work-${run}`;
  const events = new EventTarget();
  const begun = once(events, "active");
  const stop = await queue.subscribe(() => events.dispatchEvent(new Event("active")), {
    types: ["active"],
    jobs: [id],
  });
  const long = track(
    "a minute's work",
    await queue.send(test, { note: "a minute's work", takesMs: 60_000 }, { id }),
  );
  await begun;
  await stop();

  report.expect(
    "a running job gets the cancel request",
    await queue.cancel(long, { reason: "Not needed" }),
    "cancelling",
  );
  const end = await long.wait({ timeout: "20s" }).catch((error: unknown) => error);
  report.expect("its handler stops, and it ends as cancelled", isQueueError(end, "JOB_CANCELLED"), true);

  const later = track("work for tomorrow", await queue.send(test, { note: "tomorrow" }, { delay: "1d" }));
  report.expect("a job that hasn't started is cancelled at once", await queue.cancel(later), "cancelled");
  report.expect("and never runs", (await queue.get(later))?.attempt, 0);
}
