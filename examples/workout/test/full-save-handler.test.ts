import { readFile } from "node:fs/promises";
import { isQueueError } from "@org/queue/contract";
import { asc, eq } from "drizzle-orm";
import { describe, expect } from "vitest";
import type { Database } from "../src/db/open.ts";
import { clients, exercises, phases, sessions, workoutPlans } from "../src/db/schema.ts";
import { createExercise, deleteExercise, updateExercise } from "../src/handlers/exercise-handlers.ts";
import { saveFullPlan } from "../src/handlers/full-save-handler.ts";
import { createPhase, deletePhase } from "../src/handlers/phase-handlers.ts";
import { parseProgramme } from "../src/programme/parse-programme.ts";
import { toFullSaves } from "../src/programme/to-full-save.ts";
import { DRIVERS, testOn } from "./databases.ts";
import { deliver } from "./deliver.ts";
import { newExercise, newFullSave, newPhase } from "./plan-data.ts";

const text = await readFile(new URL("../data/strength-12-week.csv", import.meta.url), "utf8");
const { rows } = parseProgramme(text);

async function countRows(db: Database) {
  const [plan, phase, session, exercise] = await Promise.all(
    [workoutPlans, phases, sessions, exercises].map((table) => db.$count(table)),
  );
  return { plan, phase, session, exercise };
}

describe.each(DRIVERS)("on %s", (driver) => {
  const test = testOn(driver);

  test("the programme of the sheet is stored, row by row, with progress", async ({ db }) => {
    const { planId, plan } = newFullSave();
    const [save] = toFullSaves({ planId, plan }, rows);
    const { result, progress } = await deliver(saveFullPlan(db), save!);
    expect(result).toEqual({ planId, phases: 4, sessions: 48, exercises: rows.length, removed: 0 });
    expect(await countRows(db)).toEqual({ plan: 1, phase: 4, session: 48, exercise: rows.length });
    expect(progress).toHaveLength(48);
    expect(progress.at(-1)).toEqual({ exercises: rows.length, of: rows.length });

    const stored = await db
      .select({ name: exercises.name, sets: exercises.sets, reps: exercises.reps, load: exercises.load })
      .from(exercises)
      .innerJoin(sessions, eq(sessions.id, exercises.sessionId))
      .orderBy(asc(sessions.week), asc(sessions.day), asc(exercises.position));
    expect(stored).toEqual(
      rows.map(({ exercise, sets, reps, load }) => ({ name: exercise, sets, reps, load: load ?? null })),
    );
  });

  test("in parts stores the same as in one job", async ({ db }) => {
    const { planId, plan } = newFullSave();
    const parts = toFullSaves({ planId, plan }, rows, 60_000);
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) await deliver(saveFullPlan(db), part);
    for (const part of parts.toReversed()) await deliver(saveFullPlan(db), part);
    expect(await countRows(db)).toEqual({ plan: 1, phase: 4, session: 48, exercise: rows.length });
  });

  test("twice is the same as once", async ({ db }) => {
    const save = newFullSave();
    await deliver(saveFullPlan(db), save);
    const before = await db.select().from(exercises).orderBy(exercises.id);
    const { result } = await deliver(saveFullPlan(db), save);
    expect(result.removed).toBe(0);
    expect(await db.select().from(exercises).orderBy(exercises.id)).toEqual(before);
    expect(await db.$count(clients)).toBe(1);
  });

  test("removes what is no longer in the plan", async ({ db }) => {
    const save = newFullSave();
    await deliver(saveFullPlan(db), save);
    const [first, second] = save.phases;
    const shorter = {
      ...save,
      phaseIds: [first!.phaseId],
      phases: [
        { ...first!, sessions: [{ ...first!.sessions[0]!, exercises: [first!.sessions[0]!.exercises[0]!] }] },
      ],
    };
    const { result } = await deliver(saveFullPlan(db), shorter, { sentAt: 2_000 });
    // One exercise of the first phase; a phase, a session and two exercises with the second.
    expect(result).toMatchObject({ phases: 1, sessions: 1, exercises: 1, removed: 5 });
    expect(await countRows(db)).toEqual({ plan: 1, phase: 1, session: 1, exercise: 1 });

    const late = newPhase(save.planId);
    const { result: revival } = await deliver(createPhase(db), { ...late, phaseId: second!.phaseId });
    expect(revival.saved).toBe(false);
  });

  test("late keeps rows that were changed, added or deleted after it was sent", async ({ db }) => {
    const save = newFullSave();
    const { planId } = save;
    await deliver(saveFullPlan(db), save);
    const [changed, deleted] = save.phases[0]!.sessions[0]!.exercises;
    const added = newPhase(planId);
    const later = { sentAt: 3_000 };
    await deliver(updateExercise(db), { ...changed!, planId, changes: { sets: 9 } }, later);
    await deliver(deleteExercise(db), { ...deleted!, planId }, later);
    await deliver(createPhase(db), added, later);
    await deliver(deletePhase(db), { ...save.phases[1]!, planId }, later);

    const { result } = await deliver(saveFullPlan(db), save, { sentAt: 2_000 });
    expect(result).toMatchObject({ phases: 1, sessions: 1, exercises: 0, removed: 0 });
    const stored = await db.select({ id: exercises.id, sets: exercises.sets }).from(exercises);
    expect(stored).toEqual([{ id: changed!.exerciseId, sets: 9 }]);
    const names = await db.select({ id: phases.id }).from(phases);
    expect(names.map(({ id }) => id).toSorted()).toEqual([save.phases[0]!.phaseId, added.phaseId].toSorted());
  });

  test("late keeps a session and a phase that got children after it was sent", async ({ db }) => {
    const save = newFullSave();
    const { planId } = save;
    await deliver(saveFullPlan(db), save, { sentAt: 2_000 });
    const [kept, old] = save.phases;
    const sessionId = old!.sessions[0]!.sessionId;
    const added = newExercise(planId, sessionId);
    await deliver(createExercise(db), added, { sentAt: 3_000 });

    const without = { ...save, phaseIds: [kept!.phaseId], phases: [kept!] };
    const { result } = await deliver(saveFullPlan(db), without, { sentAt: 2_500 });
    expect(result.removed).toBe(2);
    expect(await countRows(db)).toEqual({ plan: 1, phase: 2, session: 2, exercise: 3 });
    const inside = await db.select().from(exercises).where(eq(exercises.sessionId, sessionId));
    expect(inside).toMatchObject([{ id: added.exerciseId }]);
  });

  test("that moves an exercise removes the session it came from", async ({ db }) => {
    const save = newFullSave();
    await deliver(saveFullPlan(db), save);
    const [first, second] = save.phases;
    const [session] = first!.sessions;
    const moved = second!.sessions[0]!.exercises;
    const merged = {
      ...save,
      phaseIds: [first!.phaseId],
      phases: [{ ...first!, sessions: [{ ...session!, exercises: [...session!.exercises, ...moved] }] }],
    };
    const { result } = await deliver(saveFullPlan(db), merged, { sentAt: 2_000 });
    expect(result).toMatchObject({ phases: 1, sessions: 1, exercises: 4, removed: 2 });
    expect(await countRows(db)).toEqual({ plan: 1, phase: 1, session: 1, exercise: 4 });
  });

  test("that is cancelled while it runs leaves nothing behind", async ({ db }) => {
    const cancelled = new AbortController();
    cancelled.abort(new Error("cancelled"));
    const run = deliver(saveFullPlan(db), newFullSave(), { signal: cancelled.signal });
    await expect(run).rejects.toThrow("cancelled");
    expect(await countRows(db)).toEqual({ plan: 0, phase: 0, session: 0, exercise: 0 });
  });

  test("can't take over rows of another plan", async ({ db }) => {
    const save = newFullSave();
    await deliver(saveFullPlan(db), save);
    const { planId } = newFullSave();
    const failure = await deliver(saveFullPlan(db), { ...save, planId }).catch((error: unknown) => error);
    expect(isQueueError(failure, "UNRECOVERABLE")).toBe(true);
    expect(failure).toMatchObject({ message: expect.stringMatching(/8 parts .* belong to other plans/) });
    expect(await db.$count(workoutPlans)).toBe(1);
  });
});
