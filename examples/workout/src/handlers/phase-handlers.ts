import type { Handler } from "@org/queue";
import { and, eq, inArray, lte } from "drizzle-orm";
import { newestWins } from "../db/newest-wins.ts";
import type { Database } from "../db/open.ts";
import { isInPlan, ownerOf, requirePlan, requireSamePlan } from "../db/parents.ts";
import { recordRemovals, removedSince } from "../db/removals.ts";
import { exercises, phases, sessions } from "../db/schema.ts";
import type { phaseCreate, phaseDelete, phaseUpdate } from "../messages/phase.ts";

export const PHASE_COLUMNS = ["position", "name", "startWeek", "weeks", "notes"] as const;

export function createPhase(db: Database): Handler<typeof phaseCreate> {
  return ({ data: { phaseId, ...phase }, job }) =>
    db.transaction(async (tx) => {
      const changedAt = job.createdAt;
      await requirePlan(tx, phase.planId);
      requireSamePlan("Phase", phaseId, await ownerOf(tx, "Phase", phaseId), phase.planId);
      if ((await removedSince(tx, [phaseId], changedAt)).size > 0) return { phaseId, saved: false };
      const saved = await tx
        .insert(phases)
        .values({ id: phaseId, ...phase, changedAt })
        .onConflictDoUpdate(newestWins(phases, PHASE_COLUMNS))
        .returning({ id: phases.id });
      return { phaseId, saved: saved.length > 0 };
    });
}

export function updatePhase(db: Database): Handler<typeof phaseUpdate> {
  return ({ data: { phaseId, planId, changes }, job }) =>
    db.transaction(async (tx) => {
      const changedAt = job.createdAt;
      if (!(await isInPlan(tx, "Phase", phaseId, planId, changedAt))) return { phaseId, saved: false };
      const saved = await tx
        .update(phases)
        .set({ ...changes, changedAt })
        .where(and(eq(phases.id, phaseId), lte(phases.changedAt, changedAt)))
        .returning({ id: phases.id });
      return { phaseId, saved: saved.length > 0 };
    });
}

export function deletePhase(db: Database): Handler<typeof phaseDelete> {
  return ({ data: { phaseId, planId }, job }) =>
    db.transaction(async (tx) => {
      const removedAt = job.createdAt;
      requireSamePlan("Phase", phaseId, await ownerOf(tx, "Phase", phaseId), planId);
      const own = await tx.select({ id: sessions.id }).from(sessions).where(eq(sessions.phaseId, phaseId));
      const sessionIds = own.map(({ id }) => id);
      const inside = await tx
        .select({ id: exercises.id })
        .from(exercises)
        .where(inArray(exercises.sessionId, sessionIds));
      const removed = await tx
        .delete(phases)
        .where(and(eq(phases.id, phaseId), lte(phases.changedAt, removedAt)))
        .returning({ id: phases.id });
      // Also if there was nothing to delete, because the creation may be retried later.
      await recordRemovals(tx, [phaseId], removedAt);
      if (removed.length > 0) {
        const exerciseIds = inside.map(({ id }) => id);
        await recordRemovals(tx, sessionIds, removedAt);
        await recordRemovals(tx, exerciseIds, removedAt);
      }
      return { phaseId, removed: removed.length > 0 };
    });
}
