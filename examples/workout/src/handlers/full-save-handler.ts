import type { Handler } from "@org/queue";
import { newestWins } from "../db/newest-wins.ts";
import type { Database } from "../db/open.ts";
import { requireClient } from "../db/parents.ts";
import { exercises, phases, sessions, workoutPlans } from "../db/schema.ts";
import type { FullSave, planFullSave } from "../messages/full-save.ts";
import { EXERCISE_COLUMNS } from "./exercise-handlers.ts";
import { refuseForeignParts, removeWhatIsGone, withoutDeletedParts } from "./full-save-parts.ts";
import { PHASE_COLUMNS } from "./phase-handlers.ts";
import { PLAN_COLUMNS } from "./plan-handlers.ts";
import { SESSION_COLUMNS } from "./session-handlers.ts";

/** Saves a plan, or one part of a large one, in one transaction: readers see the old plan or the new one. */
export function saveFullPlan(db: Database): Handler<typeof planFullSave> {
  return ({ data, job, signal, progress, log }) =>
    db.transaction(async (tx) => {
      const changedAt = job.createdAt;
      await savePlan(tx, data, changedAt);
      await refuseForeignParts(tx, data);
      const wanted = await withoutDeletedParts(tx, data, changedAt);
      const of = wanted.flatMap((phase) => phase.sessions).flatMap((session) => session.exercises).length;
      const stored = { phases: 0, sessions: 0, exercises: 0 };
      let done = 0;
      for (const phase of wanted) {
        stored.phases += await savePhase(tx, data.planId, phase, changedAt);
        stored.sessions += await saveSessions(tx, phase, changedAt);
        for (const session of phase.sessions) {
          // A cancelled save rolls back as a whole.
          signal.throwIfAborted();
          stored.exercises += await saveExercises(tx, session, changedAt);
          done += session.exercises.length;
          progress({ exercises: done, of });
        }
      }
      const removed = await removeWhatIsGone(tx, data, changedAt);
      log(
        `stored ${stored.phases} phases, ${stored.sessions} sessions, ${stored.exercises} exercises; ` +
          `removed ${removed} rows`,
      );
      return { planId: data.planId, ...stored, removed };
    });
}

async function savePlan(db: Database, { planId, plan }: FullSave, changedAt: Date): Promise<void> {
  const { client, ...own } = plan;
  await requireClient(db, own.clientId, client);
  await db
    .insert(workoutPlans)
    .values({ id: planId, ...own, changedAt })
    .onConflictDoUpdate(newestWins(workoutPlans, PLAN_COLUMNS));
}

type Phase = FullSave["phases"][number];
type Session = Phase["sessions"][number];

// Each of these returns the number of rows written. Rows with a newer change are left unchanged.

async function savePhase(db: Database, planId: string, phase: Phase, changedAt: Date): Promise<number> {
  const { phaseId, sessions: _, ...own } = phase;
  const stored = await db
    .insert(phases)
    .values({ id: phaseId, planId, ...own, changedAt })
    .onConflictDoUpdate(newestWins(phases, PHASE_COLUMNS))
    .returning({ id: phases.id });
  return stored.length;
}

async function saveSessions(db: Database, phase: Phase, changedAt: Date): Promise<number> {
  const { phaseId, sessions: within } = phase;
  if (within.length === 0) return 0;
  const stored = await db
    .insert(sessions)
    .values(
      within.map(({ sessionId, exercises: _, ...session }) => ({
        id: sessionId,
        phaseId,
        ...session,
        changedAt,
      })),
    )
    .onConflictDoUpdate(newestWins(sessions, SESSION_COLUMNS))
    .returning({ id: sessions.id });
  return stored.length;
}

async function saveExercises(db: Database, session: Session, changedAt: Date): Promise<number> {
  if (session.exercises.length === 0) return 0;
  const { sessionId } = session;
  const stored = await db
    .insert(exercises)
    .values(
      session.exercises.map(({ exerciseId, ...exercise }, position) => ({
        id: exerciseId,
        sessionId,
        position,
        ...exercise,
        changedAt,
      })),
    )
    .onConflictDoUpdate(newestWins(exercises, EXERCISE_COLUMNS))
    .returning({ id: exercises.id });
  return stored.length;
}
