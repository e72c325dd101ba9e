import { and, eq, inArray, isNotNull, like, sql } from "drizzle-orm";
import {
  clients,
  emailOutbox,
  exercises,
  notifications,
  phases,
  sessions,
  syncRuns,
  workoutPlans,
} from "../db/schema.ts";
import type { Programme } from "./programme.ts";
import type { Stage } from "./stage.ts";

export const TABLES = [
  "clients",
  "plans",
  "phases",
  "sessions",
  "exercises",
  "notifications",
  "e-mails",
  "sync runs",
] as const;

export type RowCounts = Record<(typeof TABLES)[number], number>;

/** Compares the rows that this run stored with what the scenes expect, and the programme with its sheet. */
export async function checkRows(stage: Stage, { planId, rows }: Programme): Promise<RowCounts> {
  const { report, databaseKind } = stage;
  report.scene(`The rows in ${databaseKind}`);
  const counts = await countRows(stage);
  for (const table of TABLES) {
    report.expect(`${table}: ${counts[table]}`, counts[table], stage.expectedRows[table]);
  }
  const weeks = await weeksOf(stage, planId);
  const expected = Map.groupBy(rows, ({ week }) => week);
  report.expect(
    "Cleo's programme has the sheet's exercises and sets in every week",
    weeks,
    [...expected].map(([week, own]) => ({
      week,
      exercises: own.length,
      sets: own.reduce((sum, row) => sum + row.sets, 0),
    })),
  );
  return counts;
}

async function countRows({ db, run, jobs }: Stage): Promise<RowCounts> {
  const ours = `%-${run}`;
  const planIds = db
    .select({ id: workoutPlans.id })
    .from(workoutPlans)
    .where(like(workoutPlans.clientId, ours));
  const phaseIds = db.select({ id: phases.id }).from(phases).where(inArray(phases.planId, planIds));
  const sessionIds = db.select({ id: sessions.id }).from(sessions).where(inArray(sessions.phaseId, phaseIds));
  const jobIds = [...jobs.values()].map(({ id }) => id);
  return {
    clients: await db.$count(clients, like(clients.id, ours)),
    plans: await db.$count(workoutPlans, like(workoutPlans.clientId, ours)),
    phases: await db.$count(phases, inArray(phases.planId, planIds)),
    sessions: await db.$count(sessions, inArray(sessions.phaseId, phaseIds)),
    exercises: await db.$count(exercises, inArray(exercises.sessionId, sessionIds)),
    notifications: await db.$count(notifications, like(notifications.userId, ours)),
    // Only sent mails: a mail is in the table from its first try.
    "e-mails": await db.$count(
      emailOutbox,
      and(isNotNull(emailOutbox.sentAt), sql`${emailOutbox.recipients}::text like ${`%-${run}@%`}`),
    ),
    "sync runs": await db.$count(syncRuns, inArray(syncRuns.jobId, jobIds)),
  };
}

async function weeksOf({ db }: Stage, planId: string) {
  return db
    .select({
      week: sessions.week,
      exercises: sql<number>`count(*)::int`,
      sets: sql<number>`sum(${exercises.sets})::int`,
    })
    .from(exercises)
    .innerJoin(sessions, eq(sessions.id, exercises.sessionId))
    .innerJoin(phases, eq(phases.id, sessions.phaseId))
    .where(eq(phases.planId, planId))
    .groupBy(sessions.week)
    .orderBy(sessions.week);
}
