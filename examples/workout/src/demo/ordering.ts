import { inArray } from "drizzle-orm";
import { workoutPlans } from "../db/schema.ts";
import { workoutUpdate } from "../messages/plan.ts";
import type { Stage } from "./stage.ts";

const UPDATES_A_PLAN = 8;

/** Updates of several plans, sent crosswise: one at a time a plan, in order, and plans side by side. */
export async function updatesInOrder(stage: Stage, planIds: readonly string[]): Promise<void> {
  const { queue, db, report, track } = stage;
  const total = planIds.length * UPDATES_A_PLAN;
  report.scene(`${total} updates of ${planIds.length} plans, ten handlers at once`);
  const changes = Array.from({ length: UPDATES_A_PLAN }, (_, index) => ({ notes: `Revision ${index + 1}` }));
  const handles = await queue.sendMany(
    changes.flatMap((change) =>
      planIds.map((planId) => ({ message: workoutUpdate, data: { planId, changes: change } })),
    ),
  );
  handles.forEach((handle, index) => {
    track(`#update ${index + 1}`, handle);
  });
  await Promise.all(handles.map((handle) => handle.wait()));

  const jobs = await Promise.all(handles.map((handle) => queue.get(handle)));
  const runs = jobs.map((job) => ({
    planId: job!.data.planId,
    start: job!.startedAt!.getTime(),
    // A run shorter than the clock's tick still took place.
    end: Math.max(job!.finishedAt!.getTime(), job!.startedAt!.getTime() + 1),
    finished: job!.finishedAt!.getTime(),
  }));
  for (const [index, planId] of planIds.entries()) {
    const own = runs.filter((run) => run.planId === planId);
    const isInOrder = own.slice(1).every((run, before) => run.start >= own[before]!.finished);
    report.expect(`plan ${index + 1}: each began after the one before had ended`, isInOrder, true);
  }
  const most = Math.max(
    ...runs.map(({ start }) => runs.filter((run) => run.start <= start && start < run.end).length),
  );
  report.expect(`different plans ran side by side, up to ${most} at once`, most > 1, true);

  const stored = await db
    .select({ notes: workoutPlans.notes })
    .from(workoutPlans)
    .where(inArray(workoutPlans.id, [...planIds]));
  const last = changes.at(-1)!.notes;
  report.expect(
    "each plan holds the update that was sent last",
    stored.map(({ notes }) => notes),
    planIds.map(() => last),
  );
}
