import { z } from "zod";
import { type Load, type Reps, type Rpe, tempo } from "../messages/prescription.ts";
import { SESSION_TYPES } from "../messages/vocabulary.ts";

/** Parsers for the cells of a coach's sheet: text to a checked value, or to what was expected. */

const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** A cell that `read` parses. `undefined` means that the text is invalid. */
function cell<T>(expected: string, read: (text: string) => T | undefined) {
  return z.string().transform((text, context): T => {
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: expected });
    return z.NEVER;
  });
}

function optional<T>(schema: z.ZodType<T, string>) {
  return z.string().transform((text, context): T | undefined => {
    if (text === "") return undefined;
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) context.addIssue({ code: "custom", message: issue.message });
    return z.NEVER;
  });
}

const text = (max: number) => {
  const expected = `text of 1 to ${max} characters`;
  return z.string().min(1, expected).max(max, expected);
};

const whole = (min: number, max: number) =>
  cell(`a whole number from ${min} to ${max}`, (value) => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  });

function readWeekday(value: string): number | undefined {
  const index = WEEKDAYS.indexOf(value.slice(0, 3).toLowerCase());
  return index < 0 || !/^\p{L}+$/u.test(value) ? undefined : index + 1;
}

const SCALE: Readonly<Record<string, { unit: "reps" | "seconds" | "metres"; factor: number }>> = {
  "": { unit: "reps", factor: 1 },
  s: { unit: "seconds", factor: 1 },
  min: { unit: "seconds", factor: 60 },
  m: { unit: "metres", factor: 1 },
};

function readReps(value: string): Reps | undefined {
  if (value.toUpperCase() === "AMRAP") return { unit: "amrap" };
  const match = /^(\d{1,4})(?:-(\d{1,4}))?(min|s|m)?(\/side)?$/.exec(value);
  if (!match) return undefined;
  const { unit, factor } = SCALE[match[3] ?? ""]!;
  const low = Number(match[1]) * factor;
  const high = match[2] === undefined ? undefined : Number(match[2]) * factor;
  if (low < 1 || (high !== undefined && high <= low)) return undefined;
  return { unit, low, ...(high !== undefined && { high }), ...(match[4] && { perSide: true }) };
}

function readLoad(value: string): Load | undefined {
  if (value.toUpperCase() === "BW") return { kind: "bodyweight" };
  if (value.toLowerCase() === "band") return { kind: "band" };
  const percent = /^(\d{1,3}(?:\.\d)?)%$/.exec(value);
  if (percent) {
    const number = Number(percent[1]);
    return number >= 1 && number <= 150 ? { kind: "percent", percent: number } : undefined;
  }
  const weight = /^(?:(\+)|([2-4])x)?(\d{1,3}(?:\.\d{1,2})?) ?kg$/.exec(value);
  if (!weight || Number(weight[3]) < 0.5) return undefined;
  return {
    kind: "weight",
    kg: Number(weight[3]),
    ...(weight[2] && { count: Number(weight[2]) }),
    ...(weight[1] && { added: true }),
  };
}

function readRpe(value: string): Rpe | undefined {
  const match = /^(\d{1,2}(?:\.[05])?)(?:-(\d{1,2}(?:\.[05])?))?$/.exec(value);
  if (!match) return undefined;
  const low = Number(match[1]);
  const high = match[2] === undefined ? undefined : Number(match[2]);
  if (low < 1 || low > 10 || (high !== undefined && (high <= low || high > 10))) return undefined;
  return { low, ...(high !== undefined && { high }) };
}

function readRest(value: string): number | undefined {
  const match = /^(\d{1,4}(?:\.5)?) ?(s|min)$/.exec(value);
  if (!match) return undefined;
  const seconds = Number(match[1]) * (match[2] === "min" ? 60 : 1);
  return Number.isInteger(seconds) && seconds <= 3_600 ? seconds : undefined;
}

/** One row of the sheet, keyed by its columns. */
export const programmeRow = z.object({
  week: whole(1, 104),
  phase: text(160),
  day: cell("a weekday like Mon or Monday", readWeekday),
  session: text(160),
  session_type: cell(`one of ${SESSION_TYPES.join(", ")}`, (value) =>
    SESSION_TYPES.find((type) => type === value.toLowerCase()),
  ),
  order: cell("a label like A, B1 or W2", (value) => (/^[A-Z]\d?$/.test(value) ? value : undefined)),
  exercise: text(160),
  sets: whole(1, 20),
  reps: cell("repetitions like 5, 8-10, 8/side, 30s, 5min, 40m or AMRAP", readReps),
  load: optional(cell("a load like 72.5%, 24 kg, 2x24 kg, +10 kg, BW or band, or nothing", readLoad)),
  rpe: optional(cell("an RPE from 1 to 10 like 8, 7.5 or 7-8, or nothing", readRpe)),
  tempo: optional(
    cell("a tempo like 3-1-X-0, or nothing", (value) =>
      tempo.safeParse(value.toUpperCase()).success ? value.toUpperCase() : undefined,
    ),
  ),
  rest: optional(cell("a rest like 90s or 2min, at most an hour, or nothing", readRest)),
  notes: z.string().max(2_000, "at most 2000 characters"),
});

export type ProgrammeRow = z.output<typeof programmeRow>;
export type Column = keyof ProgrammeRow;

export const COLUMNS = Object.keys(programmeRow.shape) as readonly Column[];
/** Columns that a sheet may omit. */
export const OPTIONAL_COLUMNS: ReadonlySet<Column> = new Set<Column>([
  "load",
  "rpe",
  "tempo",
  "rest",
  "notes",
]);
