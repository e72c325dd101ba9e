import { inArray } from "drizzle-orm";
import { workoutPlans } from "../db/schema.ts";
import { workoutUpdate } from "../messages/plan.ts";
import { test } from "../messages/test-message.ts";
import type { Stage } from "./stage.ts";

const UPDATES_PER_PLAN = 8;
const TESTS_PER_LINE = 2;
const TEST_MS = 150;

/** Interleaved updates of several plans. Those of one plan run one at a time, in order. */
export async function updatesInOrder(stage: Stage, planIds: readonly string[]): Promise<void> {
  const { queue, db, report, track } = stage;
  const total = planIds.length * UPDATES_PER_PLAN;
  report.scene(`${total} updates of ${planIds.length} plans`);
  const changes = Array.from({ length: UPDATES_PER_PLAN }, (_, index) => ({
    notes: `Revision ${index + 1}`,
  }));
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
  for (const [index, planId] of planIds.entries()) {
    const own = jobs.filter((job) => job!.data.planId === planId);
    const isInOrder = own.slice(1).every((job, before) => job!.startedAt! >= own[before]!.finishedAt!);
    report.expect(`plan ${index + 1}: each update started after the previous one had ended`, isInOrder, true);
  }
  const stored = await db
    .select({ notes: workoutPlans.notes })
    .from(workoutPlans)
    .where(inArray(workoutPlans.id, [...planIds]));
  const last = changes.at(-1)!.notes;
  report.expect(
    "each plan has the update that was sent last",
    stored.map(({ notes }) => notes),
    planIds.map(() => last),
  );
}

/** Slow tests in several lines: one at a time per line, and lines in parallel. */
export async function linesSideBySide(stage: Stage, lines: readonly string[]): Promise<void> {
  const { queue, report, track } = stage;
  report.scene(`${lines.length} lines of ${TESTS_PER_LINE} tests, each of ${TEST_MS} ms`);
  const turns = Array.from({ length: TESTS_PER_LINE }, (_, index) => `Turn ${index + 1}`);
  const handles = await queue.sendMany(
    turns.flatMap((note) => lines.map((line) => ({ message: test, data: { note, takesMs: TEST_MS, line } }))),
  );
  handles.forEach((handle, index) => {
    track(`#test ${index + 1}`, handle);
  });
  const runs = await Promise.all(handles.map((handle) => handle.wait()));

  const isInTurn = runs.every(
    ({ from }, index) => index < lines.length || from >= runs[index - lines.length]!.to,
  );
  report.expect("no handler of a line started before the previous one had ended", isInTurn, true);
  report.expect(`${lines.length} handlers ran at once, one per line`, mostAtOnce(runs), lines.length);
}

/**
 * The maximum number of concurrent runs, by the clock of their handlers. A run that ends in the millisecond in which
 * another starts doesn't overlap with it, so consecutive runs count as 1.
 */
export function mostAtOnce(runs: readonly { readonly from: number; readonly to: number }[]): number {
  return Math.max(...runs.map(({ from }) => runs.filter((run) => run.from <= from && from < run.to).length));
}
