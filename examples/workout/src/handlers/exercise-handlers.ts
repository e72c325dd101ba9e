import type { Handler } from "@org/queue";
import { and, eq, lte } from "drizzle-orm";
import { newestWins } from "../db/newest-wins.ts";
import type { Database } from "../db/open.ts";
import { isInPlan, ownerOf, requireSamePlan } from "../db/parents.ts";
import { recordRemovals, removedSince } from "../db/removals.ts";
import { exercises } from "../db/schema.ts";
import type { exerciseCreate, exerciseDelete, exerciseUpdate } from "../messages/exercise.ts";

export const EXERCISE_COLUMNS = [
  "sessionId",
  "position",
  "label",
  "name",
  "sets",
  "reps",
  "load",
  "rpe",
  "tempo",
  "restSeconds",
  "notes",
] as const;

export function createExercise(db: Database): Handler<typeof exerciseCreate> {
  return ({ data: { exerciseId, planId, ...exercise }, job }) =>
    db.transaction(async (tx) => {
      const changedAt = job.createdAt;
      requireSamePlan("Exercise", exerciseId, await ownerOf(tx, "Exercise", exerciseId), planId);
      const isWanted =
        (await isInPlan(tx, "Session", exercise.sessionId, planId, changedAt)) &&
        (await removedSince(tx, [exerciseId], changedAt)).size === 0;
      if (!isWanted) return { exerciseId, saved: false };
      const saved = await tx
        .insert(exercises)
        .values({ id: exerciseId, ...exercise, changedAt })
        .onConflictDoUpdate(newestWins(exercises, EXERCISE_COLUMNS))
        .returning({ id: exercises.id });
      return { exerciseId, saved: saved.length > 0 };
    });
}

export function updateExercise(db: Database): Handler<typeof exerciseUpdate> {
  return ({ data: { exerciseId, planId, changes }, job }) =>
    db.transaction(async (tx) => {
      const changedAt = job.createdAt;
      if (!(await isInPlan(tx, "Exercise", exerciseId, planId, changedAt)))
        return { exerciseId, saved: false };
      const saved = await tx
        .update(exercises)
        .set({ ...changes, changedAt })
        .where(and(eq(exercises.id, exerciseId), lte(exercises.changedAt, changedAt)))
        .returning({ id: exercises.id });
      return { exerciseId, saved: saved.length > 0 };
    });
}

export function deleteExercise(db: Database): Handler<typeof exerciseDelete> {
  return ({ data: { exerciseId, planId }, job }) =>
    db.transaction(async (tx) => {
      const removedAt = job.createdAt;
      requireSamePlan("Exercise", exerciseId, await ownerOf(tx, "Exercise", exerciseId), planId);
      const removed = await tx
        .delete(exercises)
        .where(and(eq(exercises.id, exerciseId), lte(exercises.changedAt, removedAt)))
        .returning({ id: exercises.id });
      await recordRemovals(tx, [exerciseId], removedAt);
      return { exerciseId, removed: removed.length > 0 };
    });
}
