import { UnrecoverableError } from "@org/queue/contract";
import { and, eq, inArray, lte, ne, notExists, notInArray, or } from "drizzle-orm";
import type { Database } from "../db/open.ts";
import { recordRemovals, removedSince } from "../db/removals.ts";
import { exercises, phases, sessions } from "../db/schema.ts";
import type { FullSave } from "../messages/full-save.ts";

/** The ids in a save, by kind. */
function idsOf({ phases: own }: FullSave) {
  const ownSessions = own.flatMap((phase) => phase.sessions);
  return {
    phases: own.map(({ phaseId }) => phaseId),
    sessions: ownSessions.map(({ sessionId }) => sessionId),
    exercises: ownSessions.flatMap((session) => session.exercises.map(({ exerciseId }) => exerciseId)),
  };
}

/** Throws if a save contains rows of another plan. */
export async function refuseForeignParts(db: Database, save: FullSave): Promise<void> {
  const ids = idsOf(save);
  const owner = { planId: phases.planId };
  const isForeign = ne(phases.planId, save.planId);
  const foreign = [
    ...(await db
      .select({ ...owner, id: phases.id })
      .from(phases)
      .where(and(isForeign, inArray(phases.id, ids.phases)))),
    ...(await db
      .select({ ...owner, id: sessions.id })
      .from(sessions)
      .innerJoin(phases, eq(phases.id, sessions.phaseId))
      .where(and(isForeign, inArray(sessions.id, ids.sessions)))),
    ...(await db
      .select({ ...owner, id: exercises.id })
      .from(exercises)
      .innerJoin(sessions, eq(sessions.id, exercises.sessionId))
      .innerJoin(phases, eq(phases.id, sessions.phaseId))
      .where(and(isForeign, inArray(exercises.id, ids.exercises)))),
  ];
  const [first] = foreign;
  if (first) {
    throw new UnrecoverableError(
      `${foreign.length} parts of the save belong to other plans, such as ${first.id} to ${first.planId}`,
    );
  }
}

/**
 * Deletes rows that are no longer in the plan, within the phases that this save covers, unless they or their children
 * were changed by a later send. Must run after the rows of the save are written, so that moved rows aren't deleted.
 * Returns the number of deleted rows.
 */
export async function removeWhatIsGone(db: Database, save: FullSave, sentAt: Date): Promise<number> {
  const ids = idsOf(save);
  // Other parts of the same save cover their own phases.
  const covered = db
    .select({ id: phases.id })
    .from(phases)
    .where(
      and(
        eq(phases.planId, save.planId),
        or(inArray(phases.id, ids.phases), notInArray(phases.id, save.phaseIds)),
      ),
    );
  const coveredSessions = db
    .select({ id: sessions.id })
    .from(sessions)
    .where(inArray(sessions.phaseId, covered));

  const goneExercises = await db
    .delete(exercises)
    .where(
      and(
        inArray(exercises.sessionId, coveredSessions),
        notInArray(exercises.id, ids.exercises),
        lte(exercises.changedAt, sentAt),
      ),
    )
    .returning({ id: exercises.id });
  // Children that are left at this point are newer, and deleting their parent would delete them.
  const inSession = db.select().from(exercises).where(eq(exercises.sessionId, sessions.id));
  const goneSessions = await db
    .delete(sessions)
    .where(
      and(
        inArray(sessions.phaseId, covered),
        notInArray(sessions.id, ids.sessions),
        lte(sessions.changedAt, sentAt),
        notExists(inSession),
      ),
    )
    .returning({ id: sessions.id });
  const inPhase = db.select().from(sessions).where(eq(sessions.phaseId, phases.id));
  const gonePhases = await db
    .delete(phases)
    .where(
      and(
        eq(phases.planId, save.planId),
        notInArray(phases.id, save.phaseIds),
        lte(phases.changedAt, sentAt),
        notExists(inPhase),
      ),
    )
    .returning({ id: phases.id });

  const gone = [...gonePhases, ...goneSessions, ...goneExercises].map(({ id }) => id);
  await recordRemovals(db, gone, sentAt);
  return gone.length;
}

/** The phases of the save, without parts that a later send deleted. */
export async function withoutDeletedParts(
  db: Database,
  save: FullSave,
  sentAt: Date,
): Promise<FullSave["phases"]> {
  const ids = idsOf(save);
  const all = [...ids.phases, ...ids.sessions, ...ids.exercises];
  const deleted = await removedSince(db, all, sentAt);
  if (deleted.size === 0) return save.phases;
  return save.phases
    .filter(({ phaseId }) => !deleted.has(phaseId))
    .map((phase) => ({
      ...phase,
      sessions: phase.sessions
        .filter(({ sessionId }) => !deleted.has(sessionId))
        .map((session) => ({
          ...session,
          exercises: session.exercises.filter(({ exerciseId }) => !deleted.has(exerciseId)),
        })),
    }));
}
