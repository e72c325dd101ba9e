import { isQueueError } from "@org/queue/contract";
import { describe, expect } from "vitest";
import { exercises, phases, sessions, workoutPlans } from "../src/db/schema.ts";
import { createExercise, deleteExercise, updateExercise } from "../src/handlers/exercise-handlers.ts";
import { createPhase, deletePhase, updatePhase } from "../src/handlers/phase-handlers.ts";
import { createPlan, updatePlan } from "../src/handlers/plan-handlers.ts";
import { createSession, deleteSession, updateSession } from "../src/handlers/session-handlers.ts";
import { DRIVERS, testOn } from "./databases.ts";
import { deliver } from "./deliver.ts";
import { newExercise, newPhase, newPlan, newSession } from "./plan-data.ts";

const unrecoverable = (pattern: RegExp) =>
  expect.toSatisfy(
    (error: unknown) => isQueueError(error, "UNRECOVERABLE") && pattern.test(error.message),
    `an UnrecoverableError like ${pattern}`,
  );

describe.each(DRIVERS)("on %s", (driver) => {
  /** With a plan, a phase, a session and an exercise, saved at time 1,000. */
  const test = testOn(driver).extend("stored", async ({ db }) => {
    const plan = newPlan();
    const phase = newPhase(plan.planId);
    const session = newSession(plan.planId, phase.phaseId);
    const exercise = newExercise(plan.planId, session.sessionId);
    await deliver(createPlan(db), plan);
    await deliver(createPhase(db), phase);
    await deliver(createSession(db), session);
    await deliver(createExercise(db), exercise);
    return { plan, phase, session, exercise, planId: plan.planId };
  });

  describe("creating", () => {
    test("twice stores one row of each", async ({ db, stored }) => {
      const { plan, phase, session, exercise } = stored;
      expect((await deliver(createPlan(db), plan)).result).toEqual({ planId: plan.planId, saved: false });
      expect((await deliver(createPhase(db), phase)).result.saved).toBe(true);
      expect((await deliver(createSession(db), session)).result.saved).toBe(true);
      expect((await deliver(createExercise(db), exercise)).result.saved).toBe(true);
      for (const table of [workoutPlans, phases, sessions, exercises]) expect(await db.$count(table)).toBe(1);
    });

    test("stores what was sent", async ({ db, stored }) => {
      const { exerciseId, planId: _, ...sent } = stored.exercise;
      expect(await db.select().from(exercises)).toMatchObject([{ id: exerciseId, ...sent, tempo: null }]);
    });

    test("late doesn't undo a change that was sent after it", async ({ db, stored }) => {
      const { planId, phase } = stored;
      await deliver(updatePhase(db), { ...phase, changes: { name: "Base" } }, { sentAt: 2_000 });
      expect((await deliver(createPhase(db), phase)).result.saved).toBe(false);
      expect(await db.select().from(phases)).toMatchObject([{ planId, name: "Base" }]);
    });

    test("late doesn't bring back deleted rows or their children", async ({ db, stored }) => {
      const { phase, session, exercise } = stored;
      await deliver(deletePhase(db), phase, { sentAt: 2_000 });
      expect((await deliver(createPhase(db), phase)).result.saved).toBe(false);
      expect((await deliver(createSession(db), session)).result.saved).toBe(false);
      expect((await deliver(createExercise(db), exercise)).result.saved).toBe(false);
      expect(await db.$count(phases)).toBe(0);
    });

    test("a plan again doesn't undo its changes, however late that is sent", async ({ db, stored }) => {
      const { plan, planId } = stored;
      await deliver(updatePlan(db), { planId, changes: { name: "Mine" } }, { sentAt: 2_000 });
      const again = await deliver(createPlan(db), plan, { sentAt: 3_000 });
      expect(again.result.saved).toBe(false);
      expect(await db.select().from(workoutPlans)).toMatchObject([{ name: "Mine" }]);
    });

    test("again after the deletion creates it again", async ({ db, stored }) => {
      await deliver(deletePhase(db), stored.phase, { sentAt: 2_000 });
      const again = await deliver(createPhase(db), stored.phase, { sentAt: 3_000 });
      expect(again.result.saved).toBe(true);
    });

    test("in a plan that may still be created fails with a retryable error", async ({ db }) => {
      const { planId } = newPlan();
      const phase = newPhase(planId);
      for (const early of [
        deliver(createPhase(db), phase),
        deliver(createSession(db), newSession(planId, phase.phaseId)),
      ]) {
        const failure = await early.catch((error: unknown) => error);
        expect(failure).toMatchObject({ message: `Plan ${planId} doesn't exist yet` });
        expect(isQueueError(failure)).toBe(false);
      }
    });

    test("under a parent that was never sent, or sent later, is unrecoverable", async ({ db, stored }) => {
      const early = newSession(stored.planId, newPhase(stored.planId).phaseId);
      await expect(deliver(createSession(db), early)).rejects.toEqual(unrecoverable(/doesn't exist/));
    });

    test("under a parent that was deleted before, or of another plan, is unrecoverable", async ({
      db,
      stored,
    }) => {
      const { phase, session } = stored;
      const other = newPlan();
      await deliver(createPlan(db), other);
      const foreign = newSession(other.planId, phase.phaseId);
      await expect(deliver(createSession(db), foreign)).rejects.toEqual(unrecoverable(/belongs to plan/));
      const stolen = { ...newPhase(other.planId), phaseId: phase.phaseId };
      await expect(deliver(createPhase(db), stolen)).rejects.toEqual(unrecoverable(/belongs to plan/));

      await deliver(deletePhase(db), phase, { sentAt: 2_000 });
      const late = { ...session, sessionId: newSession("", "").sessionId };
      await expect(deliver(createSession(db), late, { sentAt: 3_000 })).rejects.toEqual(
        unrecoverable(/was deleted/),
      );
    });

    test("a plan for an unknown client asks for name and e-mail", async ({ db }) => {
      const { client: _, ...plan } = newPlan();
      await expect(deliver(createPlan(db), plan)).rejects.toThrow("Client ada isn't known");
    });
  });

  describe("updating", () => {
    test("twice is the same as once", async ({ db, stored }) => {
      const { planId, phase, session, exercise } = stored;
      for (let delivery = 0; delivery < 2; delivery++) {
        const at = { sentAt: 2_000 };
        await deliver(updatePlan(db), { planId, changes: { status: "archived", goal: "150 kg" } }, at);
        await deliver(updatePhase(db), { ...phase, changes: { weeks: 3 } }, at);
        await deliver(updateSession(db), { ...session, changes: { day: 3 } }, at);
        await deliver(updateExercise(db), { ...exercise, changes: { load: null, sets: 3 } }, at);
      }
      expect(await db.select().from(workoutPlans)).toMatchObject([{ status: "archived", goal: "150 kg" }]);
      expect(await db.select().from(phases)).toMatchObject([{ weeks: 3, name: phase.name }]);
      expect(await db.select().from(sessions)).toMatchObject([{ day: 3, week: 1 }]);
      expect(await db.select().from(exercises)).toMatchObject([{ load: null, sets: 3, name: exercise.name }]);
    });

    test("late doesn't overwrite a newer update", async ({ db, stored }) => {
      const { planId, exercise } = stored;
      await deliver(updatePlan(db), { planId, changes: { name: "New" } }, { sentAt: 3_000 });
      const late = await deliver(updatePlan(db), { planId, changes: { name: "Old" } }, { sentAt: 2_000 });
      expect(late.result).toEqual({ planId, saved: false });
      expect(await db.select().from(workoutPlans)).toMatchObject([{ name: "New" }]);

      await deliver(updateExercise(db), { ...exercise, changes: { sets: 6 } }, { sentAt: 3_000 });
      await deliver(updateExercise(db), { ...exercise, changes: { sets: 1 } }, { sentAt: 2_000 });
      expect(await db.select().from(exercises)).toMatchObject([{ sets: 6 }]);
    });

    test("what was deleted meanwhile is overtaken; what was deleted before is hopeless", async ({
      db,
      stored,
    }) => {
      const { session, exercise } = stored;
      await deliver(deleteSession(db), session, { sentAt: 2_000 });
      const change = { ...exercise, changes: { sets: 3 } };
      const overtaken = await deliver(updateExercise(db), change, { sentAt: 1_500 });
      expect(overtaken.result.saved).toBe(false);
      await expect(deliver(updateExercise(db), change, { sentAt: 3_000 })).rejects.toEqual(
        unrecoverable(/was deleted/),
      );
    });

    test("something that doesn't exist yet fails with a retryable error", async ({ db }) => {
      const { planId } = newPlan();
      const change = deliver(updatePlan(db), { planId, changes: { name: "New" } });
      await expect(change).rejects.toThrow(`Plan ${planId} doesn't exist yet`);
    });

    test("a plan, sent before its creation and retried after it, applies", async ({ db }) => {
      const plan = newPlan();
      const { planId } = plan;
      const change = { planId, changes: { name: "Mine" } };
      await expect(deliver(updatePlan(db), change, { sentAt: 1_000 })).rejects.toThrow("doesn't exist yet");
      await deliver(createPlan(db), plan, { sentAt: 2_000 });
      expect((await deliver(updatePlan(db), change, { sentAt: 1_000 })).result.saved).toBe(true);
      expect(await db.select().from(workoutPlans)).toMatchObject([{ name: "Mine" }]);
    });

    test("moves a session within its plan, never to another", async ({ db, stored }) => {
      const { planId, session } = stored;
      const second = newPhase(planId);
      await deliver(createPhase(db), second);
      await deliver(updateSession(db), { ...session, changes: { phaseId: second.phaseId } });
      expect(await db.select().from(sessions)).toMatchObject([{ phaseId: second.phaseId }]);

      const other = newPlan();
      const foreign = newPhase(other.planId);
      await deliver(createPlan(db), other);
      await deliver(createPhase(db), foreign);
      const move = deliver(updateSession(db), { ...session, changes: { phaseId: foreign.phaseId } });
      await expect(move).rejects.toEqual(unrecoverable(/belongs to plan/));
    });
  });

  describe("deleting", () => {
    test("also deletes the children, and twice is the same as once", async ({ db, stored }) => {
      const { phase } = stored;
      const at = { sentAt: 2_000 };
      expect((await deliver(deletePhase(db), phase, at)).result).toEqual({
        phaseId: phase.phaseId,
        removed: true,
      });
      expect((await deliver(deletePhase(db), phase, at)).result.removed).toBe(false);
      for (const table of [phases, sessions, exercises]) expect(await db.$count(table)).toBe(0);
      expect(await db.$count(workoutPlans)).toBe(1);
    });

    test("tolerates missing rows", async ({ db }) => {
      const { planId } = newPlan();
      const phase = newPhase(planId);
      const session = newSession(planId, phase.phaseId);
      const exercise = newExercise(planId, session.sessionId);
      expect((await deliver(deletePhase(db), phase)).result.removed).toBe(false);
      expect((await deliver(deleteSession(db), session)).result.removed).toBe(false);
      expect((await deliver(deleteExercise(db), exercise)).result.removed).toBe(false);
    });

    test("late keeps rows that were changed after it was sent", async ({ db, stored }) => {
      await deliver(updateExercise(db), { ...stored.exercise, changes: { sets: 3 } }, { sentAt: 3_000 });
      const late = await deliver(deleteExercise(db), stored.exercise, { sentAt: 2_000 });
      expect(late.result.removed).toBe(false);
      expect(await db.$count(exercises)).toBe(1);
    });

    test("refuses to delete rows of another plan", async ({ db, stored }) => {
      const foreign = { ...stored.exercise, planId: newPlan().planId };
      await expect(deliver(deleteExercise(db), foreign)).rejects.toEqual(unrecoverable(/belongs to plan/));
      expect(await db.$count(exercises)).toBe(1);
    });
  });
});
