import type { Handler } from "@org/queue";
import { and, eq, lte } from "drizzle-orm";
import { newestWins } from "../db/newest-wins.ts";
import type { Database } from "../db/open.ts";
import { isInPlan, ownerOf, requireSamePlan } from "../db/parents.ts";
import { recordRemovals, removedSince } from "../db/removals.ts";
import { exercises, sessions } from "../db/schema.ts";
import type { sessionCreate, sessionDelete, sessionUpdate } from "../messages/session.ts";

export const SESSION_COLUMNS = ["phaseId", "week", "day", "name", "type", "notes"] as const;

export function createSession(db: Database): Handler<typeof sessionCreate> {
  return ({ data: { sessionId, planId, ...session }, job }) =>
    db.transaction(async (tx) => {
      const changedAt = job.createdAt;
      requireSamePlan("Session", sessionId, await ownerOf(tx, "Session", sessionId), planId);
      const isWanted =
        (await isInPlan(tx, "Phase", session.phaseId, planId, changedAt)) &&
        (await removedSince(tx, [sessionId], changedAt)).size === 0;
      if (!isWanted) return { sessionId, saved: false };
      const saved = await tx
        .insert(sessions)
        .values({ id: sessionId, ...session, changedAt })
        .onConflictDoUpdate(newestWins(sessions, SESSION_COLUMNS))
        .returning({ id: sessions.id });
      return { sessionId, saved: saved.length > 0 };
    });
}

export function updateSession(db: Database): Handler<typeof sessionUpdate> {
  return ({ data: { sessionId, planId, changes }, job }) =>
    db.transaction(async (tx) => {
      const changedAt = job.createdAt;
      const { phaseId } = changes;
      const isWanted =
        (await isInPlan(tx, "Session", sessionId, planId, changedAt)) &&
        (phaseId === undefined || (await isInPlan(tx, "Phase", phaseId, planId, changedAt)));
      if (!isWanted) return { sessionId, saved: false };
      const saved = await tx
        .update(sessions)
        .set({ ...changes, changedAt })
        .where(and(eq(sessions.id, sessionId), lte(sessions.changedAt, changedAt)))
        .returning({ id: sessions.id });
      return { sessionId, saved: saved.length > 0 };
    });
}

export function deleteSession(db: Database): Handler<typeof sessionDelete> {
  return ({ data: { sessionId, planId }, job }) =>
    db.transaction(async (tx) => {
      const removedAt = job.createdAt;
      requireSamePlan("Session", sessionId, await ownerOf(tx, "Session", sessionId), planId);
      const inside = await tx
        .select({ id: exercises.id })
        .from(exercises)
        .where(eq(exercises.sessionId, sessionId));
      const removed = await tx
        .delete(sessions)
        .where(and(eq(sessions.id, sessionId), lte(sessions.changedAt, removedAt)))
        .returning({ id: sessions.id });
      await recordRemovals(tx, [sessionId], removedAt);
      if (removed.length > 0) {
        const exerciseIds = inside.map(({ id }) => id);
        await recordRemovals(tx, exerciseIds, removedAt);
      }
      return { sessionId, removed: removed.length > 0 };
    });
}
