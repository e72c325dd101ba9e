import { type FullSave, planFullSave } from "../messages/full-save.ts";
import type { PlacedRow } from "./parse-programme.ts";
import { stableId } from "./stable-id.ts";

type Phase = FullSave["phases"][number];
type Session = Phase["sessions"][number];

export interface PlanHead {
  readonly planId: string;
  readonly plan: FullSave["plan"];
}

/**
 * Turns the rows of a sheet into data for WORKOUT_PLAN_FULL_SAVE: one save, or several that are split between phases if
 * the plan exceeds the message's limit on data. The 415 rows of `data/strength-12-week.csv` fit into one.
 */
export function toFullSaves(
  { planId, plan }: PlanHead,
  rows: readonly PlacedRow[],
  maxBytes: number = planFullSave.limits.data,
): readonly FullSave[] {
  const phases = toPhases(planId, rows);
  const head = { planId, plan, phaseIds: phases.map(({ phaseId }) => phaseId) };
  const parts: Phase[][] = [[]];
  const room = maxBytes - byteLength({ ...head, phases: [] });
  let left = room;
  for (const phase of phases) {
    // Plus one for the comma between phases.
    const size = byteLength(phase) + 1;
    if (size > room) {
      throw new Error(
        `Phase "${phase.name}" takes ${size.toLocaleString("en")} bytes, but a save holds ` +
          `${room.toLocaleString("en")}. Split the phase in the sheet.`,
      );
    }
    if (size > left) {
      parts.push([]);
      left = room;
    }
    parts.at(-1)!.push(phase);
    left -= size;
  }
  return parts.map((part) => ({ ...head, phases: part }));
}

function toPhases(planId: string, rows: readonly PlacedRow[]): readonly Phase[] {
  const byPhase = Map.groupBy(rows, ({ phase }) => phase);
  const inOrder = [...byPhase].sort(([, a], [, b]) => firstWeek(a) - firstWeek(b));
  return inOrder.map(([name, own], position) => ({
    phaseId: stableId(planId, "phase", name),
    position,
    name,
    startWeek: firstWeek(own),
    weeks: Math.max(...own.map(({ week }) => week)) - firstWeek(own) + 1,
    sessions: toSessions(planId, own),
  }));
}

function toSessions(planId: string, rows: readonly PlacedRow[]): Session[] {
  const bySession = Map.groupBy(rows, ({ week, day, session }) => JSON.stringify([week, day, session]));
  const sessions = [...bySession.values()].map((own): Session => {
    const { week, day, session, session_type: type } = own[0]!;
    const exercises = own.map((row) => toExercise(planId, row));
    return {
      sessionId: stableId(planId, "session", week, day, session),
      week,
      day,
      name: session,
      type,
      exercises,
    };
  });
  return sessions.sort((a, b) => a.week - b.week || a.day - b.day);
}

function toExercise(planId: string, row: PlacedRow): Session["exercises"][number] {
  const { week, day, session, order, exercise, sets, reps, load, rpe, tempo, rest, notes } = row;
  return {
    exerciseId: stableId(planId, "exercise", week, day, session, order),
    label: order,
    name: exercise,
    sets,
    reps,
    ...(load && { load }),
    ...(rpe && { rpe }),
    ...(tempo && { tempo }),
    ...(rest !== undefined && { restSeconds: rest }),
    ...(notes && { notes }),
  };
}

function firstWeek(rows: readonly PlacedRow[]): number {
  return Math.min(...rows.map(({ week }) => week));
}

function byteLength(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
