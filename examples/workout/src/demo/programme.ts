import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { eq } from "drizzle-orm";
import { exercises, phases, sessions, syncRuns, workoutPlans } from "../db/schema.ts";
import { dataSync } from "../messages/data-sync.ts";
import { planFullSave } from "../messages/full-save.ts";
import { describeProblem, type PlacedRow, parseProgramme } from "../programme/parse-programme.ts";
import { toFullSaves } from "../programme/to-full-save.ts";
import type { Stage } from "./stage.ts";

const SHEET = new URL("../../data/strength-12-week.csv", import.meta.url);

export interface Programme {
  readonly planId: string;
  readonly rows: readonly PlacedRow[];
}

/** Reads a coach's sheet, saves it with progress, saves it again, and adds it up. */
export async function programmeFromSheet(stage: Stage): Promise<Programme> {
  const { integration, report, run, track } = stage;
  report.scene("A training programme from a coach's sheet");
  const text = await readFile(SHEET, "utf8");
  showBadRows(stage, text);

  const { rows, problems } = parseProgramme(text);
  report.expect(`the sheet has ${rows.length} exercise rows, none of them bad`, problems, []);
  const clientId = `cleo-${run}`;
  const planId = `plan-${clientId}`;
  const saves = toFullSaves(
    {
      planId,
      plan: {
        name: "Strength, 12 weeks",
        clientId,
        trainerId: `trainer-${run}`,
        client: { name: "Cleo", email: `${clientId}@client.example` },
      },
    },
    rows,
  );
  report.say(`${saves.length} save of ${Math.round(JSON.stringify(saves).length / 1_024)} KB:`);
  const progress = await showProgress(stage);
  report.progress("exercises", 0, rows.length);
  const [save] = await integration.queueFullPlanSave(saves);
  track("Cleo's programme", save!);
  const sync = track(
    "training volumes",
    await stage.queue.send(dataSync, { syncId: `sync-${run}` }, { dependsOn: [save!] }),
  );
  const saved = await save!.wait();
  const totals = await sync.wait();
  const shown = await progress.end();
  report.expect("the save reported its progress to the end", shown.get(planFullSave.name), rows.length);
  report.expect("and so did the sync run", shown.get(dataSync.name), totals.clients);
  const before = await storedProgramme(stage, planId);
  report.expect(
    "every row of the sheet was saved, according to the job and to the tables",
    [saved.exercises, before.filter(({ exercise }) => exercise).length],
    [rows.length, rows.length],
  );

  const [entry] = await stage.db.select().from(syncRuns).where(eq(syncRuns.id, totals.syncId));
  const volume = entry?.volumes.find((candidate) => candidate.clientId === clientId);
  const sets = rows.reduce((sum, row) => sum + row.sets, 0);
  report.say(
    `Cleo has ${volume?.sets} sets ahead of her at ${volume?.meanIntensity} % of her best on average.`,
  );
  report.expect("the sync run, which waited for the save, counts the sheet's sets", volume?.sets, sets);

  const [again] = await integration.queueFullPlanSave(saves);
  track("Cleo's programme, again", again!);
  const result = await again!.wait();
  report.expect(
    "importing it again saves each row again",
    [result.exercises, result.removed],
    [rows.length, 0],
  );
  const after = await storedProgramme(stage, planId);
  report.expect("and changes nothing in them", isDeepStrictEqual(after, before), true);

  const count = (key: (row: PlacedRow) => string) => new Set(rows.map(key)).size;
  stage.expectRows({
    clients: 1,
    plans: 1,
    phases: count(({ phase }) => phase),
    sessions: count(({ week, day, session }) => `${week} ${day} ${session}`),
    exercises: rows.length,
    "sync runs": 1,
  });
  return { planId, rows };
}

/** All rows of the plan, without their change times. */
async function storedProgramme({ db }: Stage, planId: string) {
  const rows = await db
    .select({ plan: workoutPlans, phase: phases, session: sessions, exercise: exercises })
    .from(workoutPlans)
    .leftJoin(phases, eq(phases.planId, workoutPlans.id))
    .leftJoin(sessions, eq(sessions.phaseId, phases.id))
    .leftJoin(exercises, eq(exercises.sessionId, sessions.id))
    .where(eq(workoutPlans.id, planId))
    .orderBy(phases.id, sessions.id, exercises.id);
  const unchanged = { changedAt: undefined };
  return rows.map(({ plan, phase, session, exercise }) => ({
    plan: { ...plan, ...unchanged },
    phase: phase && { ...phase, ...unchanged },
    session: session && { ...session, ...unchanged },
    exercise: exercise && { ...exercise, ...unchanged },
  }));
}

/** The same sheet with three invalid cells. */
function showBadRows({ report }: Stage, text: string): void {
  const lines = text.split("\n");
  const spoil = (line: number, from: string, to: string) => {
    lines[line - 1] = lines[line - 1]!.replace(from, to);
  };
  spoil(4, ",8,65%,", ",eight,65%,");
  spoil(5, ",50%,", ",150 %,");
  spoil(6, ",Mon,", ",Mo,");
  const whole = parseProgramme(text);
  const spoilt = parseProgramme(lines.join("\n"));
  report.say("First, a copy with three invalid cells is read:");
  for (const problem of spoilt.problems) report.say(`  ${describeProblem(problem)}`);
  const places = spoilt.problems.map(({ line, column }) => `${line} ${column}`);
  report.expect("each is reported by line and column", places, ["4 reps", "5 load", "6 day"]);
  report.expect("and the other rows are kept", spoilt.rows.length, whole.rows.length - 3);
}

/** Shows the progress of jobs as it arrives. `end` returns the last progress per message. */
async function showProgress({ queue, report }: Stage) {
  const reached = new Map<string, number>();
  const draw = (name: string, label: string, done: number, of: number) => {
    if (reached.get(name) === done) return;
    reached.set(name, done);
    report.progress(label, done, of);
  };
  const show = async (id: string) => {
    const job = await queue.get(id);
    if (job?.messageType === "WORKOUT_PLAN_FULL_SAVE" && job.progress) {
      draw(job.messageType, "exercises", job.progress.exercises, job.progress.of);
    }
    if (job?.messageType === "DATA_SYNC" && job.progress) {
      draw(job.messageType, "clients  ", job.progress.clients, job.progress.of);
    }
  };
  let last = Promise.resolve();
  const stop = await queue.subscribe(
    ({ id }) => {
      last = last.then(() => show(id));
    },
    { types: ["progress"], messages: [planFullSave, dataSync] },
  );
  return {
    async end(): Promise<ReadonlyMap<string, number>> {
      await stop();
      await last;
      return reached;
    },
  };
}
