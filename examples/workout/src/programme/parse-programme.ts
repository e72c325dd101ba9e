import { COLUMNS, type Column, OPTIONAL_COLUMNS, type ProgrammeRow, programmeRow } from "./cells.ts";
import { readRecords, type SheetRecord } from "./read-records.ts";

/** A problem with one cell, one line, or (with line 1) the header. */
export interface SheetProblem {
  readonly line: number;
  /** Absent if the problem concerns the whole line. */
  readonly column?: string;
  readonly value?: string;
  readonly expected: string;
}

export interface PlacedRow extends ProgrammeRow {
  readonly line: number;
}

export interface ParsedProgramme {
  /** All valid rows, in the order of the sheet. */
  readonly rows: readonly PlacedRow[];
  /** All problems, in the order of the sheet. Rows with problems aren't in `rows`. */
  readonly problems: readonly SheetProblem[];
  /** Columns of the sheet that aren't used. */
  readonly ignoredColumns: readonly string[];
}

/** A coach's sheet has a few hundred lines. A much larger file is something else. */
const MAX_CHARACTERS = 2_000_000;

/** Reads a training programme from CSV. Keeps the valid rows, and reports where each invalid row is wrong. */
export function parseProgramme(text: string): ParsedProgramme {
  if (text.length > MAX_CHARACTERS) {
    return refuse(`a sheet of at most ${MAX_CHARACTERS.toLocaleString("en")} characters`);
  }
  const { records, brokenLines } = readRecords(text);
  const [header, ...body] = records;
  if (!header) return refuse(`a header row with ${COLUMNS.join(", ")}`);

  const { names, ignoredColumns, problems } = readHeader(header);
  for (const line of brokenLines) {
    problems.push({ line, expected: "quotes that are closed, and doubled where they stand inside a cell" });
  }
  if (problems.some(({ line }) => line === header.line)) return { rows: [], problems, ignoredColumns };
  if (body.length === 0) problems.push({ line: header.line + 1, expected: "at least one exercise row" });

  const parsed = body.map((record) => readRow(record, names));
  problems.push(...parsed.flatMap((outcome) => outcome.problems));
  const { rows, conflicts } = keepConsistent(parsed.flatMap(({ row }) => row ?? []));
  problems.push(...conflicts);
  problems.sort((a, b) => a.line - b.line);
  return { rows, problems, ignoredColumns };
}

/** A problem as text: `line 14, reps: expected repetitions like 5 or 8-10, got "many"`. */
export function describeProblem({ line, column, value, expected }: SheetProblem): string {
  const place = column === undefined ? `line ${line}` : `line ${line}, ${column}`;
  const got =
    value === undefined ? "" : `, got ${value === "" ? "nothing" : JSON.stringify(value.slice(0, 80))}`;
  return `${place}: expected ${expected}${got}`;
}

function refuse(expected: string): ParsedProgramme {
  return { rows: [], problems: [{ line: 1, expected }], ignoredColumns: [] };
}

function readHeader({ line, cells }: SheetRecord) {
  const names = cells.map((cell) =>
    cell
      .trim()
      .toLowerCase()
      .replace(/[\s-]+/g, "_"),
  );
  const known = new Set<string>(COLUMNS);
  const problems: SheetProblem[] = [];
  for (const column of COLUMNS) {
    const places = names.filter((name) => name === column).length;
    if (places > 1) problems.push({ line, column, expected: `one column ${column}, not ${places}` });
    if (places === 0 && !OPTIONAL_COLUMNS.has(column)) {
      problems.push({ line, column, expected: `a column ${column} in the header` });
    }
  }
  return { names, problems, ignoredColumns: cells.filter((_, index) => !known.has(names[index]!)) };
}

function readRow(
  { line, cells }: SheetRecord,
  names: readonly string[],
): { row?: PlacedRow; problems: readonly SheetProblem[] } {
  if (cells.length !== names.length) {
    return { problems: [{ line, expected: `${names.length} cells as in the header, got ${cells.length}` }] };
  }
  const raw = Object.fromEntries(
    COLUMNS.map((column) => [column, cells[names.indexOf(column)]?.trim() ?? ""]),
  );
  const parsed = programmeRow.safeParse(raw);
  if (parsed.success) return { row: { line, ...parsed.data }, problems: [] };
  return {
    problems: parsed.error.issues.map(({ path, message }) => {
      const column = path[0] as Column;
      return { line, column, value: raw[column]!, expected: message };
    }),
  };
}

/** Rows must not contradict earlier ones: a week has one phase, a session one type, and a label occurs once. */
function keepConsistent(candidates: readonly PlacedRow[]) {
  const rows: PlacedRow[] = [];
  const conflicts: SheetProblem[] = [];
  const first = new Map<string, PlacedRow>();

  for (const row of candidates) {
    const session = JSON.stringify([row.week, row.day, row.session]);
    const sameWeek = first.get(`week ${row.week}`);
    const sameSession = first.get(session);
    const sameLabel = first.get(`${session} ${row.order}`);
    const problem = (column: Column, value: string, expected: string) =>
      conflicts.push({ line: row.line, column, value, expected });

    if (sameWeek && sameWeek.phase !== row.phase) {
      problem("phase", row.phase, `"${sameWeek.phase}" in week ${row.week}, as on line ${sameWeek.line}`);
    } else if (sameSession && sameSession.session_type !== row.session_type) {
      const expected = `${sameSession.session_type} in this session, as on line ${sameSession.line}`;
      problem("session_type", row.session_type, expected);
    } else if (sameLabel) {
      problem(
        "order",
        row.order,
        `a label that the session doesn't have yet: it repeats line ${sameLabel.line}`,
      );
    } else {
      rows.push(row);
      first.set(`${session} ${row.order}`, row);
      if (!sameWeek) first.set(`week ${row.week}`, row);
      if (!sameSession) first.set(session, row);
    }
  }
  return { rows, conflicts };
}
