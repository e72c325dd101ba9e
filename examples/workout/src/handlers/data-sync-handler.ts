import { type Handler, UnrecoverableError } from "@org/queue";
import { asc, eq, sql } from "drizzle-orm";
import type { Database } from "../db/open.ts";
import {
  clients,
  exercises,
  phases,
  sessions,
  syncRuns,
  type TrainingVolume,
  workoutPlans,
} from "../db/schema.ts";
import type { dataSync } from "../messages/data-sync.ts";

/** Adds up the training of each client. The row of the run can be read meanwhile. */
export function syncTrainingVolumes(db: Database): Handler<typeof dataSync> {
  return async ({ data: { syncId, clientId }, job, signal, progress, fence }) => {
    const wanted = await db
      .select({ id: clients.id })
      .from(clients)
      .where(clientId === undefined ? undefined : eq(clients.id, clientId))
      .orderBy(asc(clients.id));
    if (clientId !== undefined && wanted.length === 0) {
      throw new UnrecoverableError(`Client ${clientId} isn't known`);
    }

    const run = { syncId, jobId: job.id, epoch: fence, clientsTotal: wanted.length };
    const volumes: TrainingVolume[] = [];
    await writeRun(db, run, volumes, wanted.length === 0);
    for (const { id } of wanted) {
      signal.throwIfAborted();
      volumes.push(await volumeOf(db, id));
      await writeRun(db, run, volumes, volumes.length === wanted.length);
      progress({ clients: volumes.length, of: wanted.length });
    }
    return {
      syncId,
      clients: volumes.length,
      exercises: volumes.reduce((sum, volume) => sum + volume.exercises, 0),
      sets: volumes.reduce((sum, volume) => sum + volume.sets, 0),
    };
  };
}

interface Run {
  readonly syncId: string;
  readonly jobId: string;
  readonly epoch: number;
  readonly clientsTotal: number;
}

/** Throws once a later claim of the job has written, so that a frozen worker can't overwrite the row. */
async function writeRun(db: Database, run: Run, volumes: readonly TrainingVolume[], finished: boolean) {
  const { syncId, ...own } = run;
  const values = { ...own, volumes, finished, updatedAt: new Date() };
  const written = await db
    .insert(syncRuns)
    .values({ id: syncId, ...values })
    .onConflictDoUpdate({
      target: syncRuns.id,
      set: values,
      setWhere: sql`${syncRuns.jobId} <> excluded.job_id or ${syncRuns.epoch} <= excluded.epoch`,
    })
    .returning({ id: syncRuns.id });
  if (written.length === 0) throw new Error(`Another worker has taken over sync run ${syncId}`);
}

async function volumeOf(db: Database, clientId: string): Promise<TrainingVolume> {
  const percent = sql`(${exercises.load} ->> 'percent')::float8`;
  const perSet = sql`coalesce((${exercises.reps} ->> 'high')::int, (${exercises.reps} ->> 'low')::int)
    * case when (${exercises.reps} ->> 'perSide')::boolean then 2 else 1 end`;
  const [volume] = await db
    .select({
      plans: sql<number>`count(distinct ${workoutPlans.id})::int`,
      sessions: sql<number>`count(distinct ${sessions.id})::int`,
      exercises: sql<number>`count(${exercises.id})::int`,
      sets: sql<number>`coalesce(sum(${exercises.sets}), 0)::int`,
      reps: sql<number>`coalesce(sum(${exercises.sets} * ${perSet})
        filter (where ${exercises.reps} ->> 'unit' = 'reps'), 0)::int`,
      meanIntensity: sql<number | null>`round((sum(${exercises.sets} * ${percent})
        / sum(${exercises.sets}) filter (where ${percent} is not null))::numeric, 1)::float8`,
    })
    .from(workoutPlans)
    .leftJoin(phases, eq(phases.planId, workoutPlans.id))
    .leftJoin(sessions, eq(sessions.phaseId, phases.id))
    .leftJoin(exercises, eq(exercises.sessionId, sessions.id))
    .where(eq(workoutPlans.clientId, clientId));
  return { clientId, ...volume! };
}
