import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { describeProblem, parseProgramme } from "../src/programme/parse-programme.ts";

const HEADER = "week,phase,day,session,session_type,order,exercise,sets,reps,load,rpe,tempo,rest,notes";

/** A valid row, with some cells changed. */
function row(cells: Partial<Record<string, string>> = {}): string {
  const good: Record<string, string> = {
    week: "1",
    phase: "Accumulation",
    day: "Mon",
    session: "Lower A",
    session_type: "strength",
    order: "A",
    exercise: "Back squat",
    sets: "4",
    reps: "8",
    load: "65%",
    rpe: "7",
    tempo: "3-1-X-0",
    rest: "150s",
    notes: "",
  };
  return HEADER.split(",")
    .map((column) => cells[column] ?? good[column])
    .join(",");
}

const sheet = (...rows: string[]) => [HEADER, ...rows].join("\n");
const problemsOf = (text: string) => parseProgramme(text).problems.map(describeProblem);

describe("the twelve-week programme", async () => {
  const text = await readFile(new URL("../data/strength-12-week.csv", import.meta.url), "utf8");
  const { rows, problems, ignoredColumns } = parseProgramme(text);

  test("has more than 400 exercise rows and no invalid one", () => {
    expect(problems).toEqual([]);
    expect(ignoredColumns).toEqual([]);
    expect(rows.length).toBeGreaterThan(400);
  });

  test("trains four days in each of twelve weeks", () => {
    const days = Map.groupBy(rows, ({ week }) => week);
    expect([...days.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    for (const own of days.values()) expect(new Set(own.map(({ day }) => day)).size).toBe(4);
  });

  test("keeps a note that spans two lines", () => {
    expect(rows.some(({ notes }) => /attempt\.\nSquat first/.test(notes))).toBe(true);
  });
});

describe("cells", () => {
  test("read as what they mean", () => {
    const { rows } = parseProgramme(sheet(row()));
    expect(rows).toEqual([
      {
        line: 2,
        week: 1,
        phase: "Accumulation",
        day: 1,
        session: "Lower A",
        session_type: "strength",
        order: "A",
        exercise: "Back squat",
        sets: 4,
        reps: { unit: "reps", low: 8 },
        load: { kind: "percent", percent: 65 },
        rpe: { low: 7 },
        tempo: "3-1-X-0",
        rest: 150,
        notes: "",
      },
    ]);
  });

  test.each([
    ["8-10", { unit: "reps", low: 8, high: 10 }],
    ["10/side", { unit: "reps", low: 10, perSide: true }],
    ["30-45s", { unit: "seconds", low: 30, high: 45 }],
    ["5min", { unit: "seconds", low: 300 }],
    ["40m", { unit: "metres", low: 40 }],
    ["amrap", { unit: "amrap" }],
  ])("reps %s", (reps, expected) => {
    expect(parseProgramme(sheet(row({ reps }))).rows[0]?.reps).toEqual(expected);
  });

  test.each([
    ["2x24 kg", { kind: "weight", kg: 24, count: 2 }],
    ["+12.5kg", { kind: "weight", kg: 12.5, added: true }],
    ["BW", { kind: "bodyweight" }],
    ["band", { kind: "band" }],
    ["", undefined],
  ])("load %s", (load, expected) => {
    expect(parseProgramme(sheet(row({ load }))).rows[0]?.load).toEqual(expected);
  });
});

describe("bad rows", () => {
  test("are all reported by line and column, and valid rows are kept", () => {
    const bad = { week: "0", day: "Someday", sets: "a few", reps: "10-8", load: "75", rpe: "11", rest: "2h" };
    const { rows, problems } = parseProgramme(
      sheet(row(), row({ order: "B", ...bad }), row({ order: "C", tempo: "3-1", session_type: "yoga" })),
    );
    expect(rows.map(({ line }) => line)).toEqual([2]);
    expect(problems.map(({ line, column, value }) => [line, column, value])).toEqual([
      [3, "week", "0"],
      [3, "day", "Someday"],
      [3, "sets", "a few"],
      [3, "reps", "10-8"],
      [3, "load", "75"],
      [3, "rpe", "11"],
      [3, "rest", "2h"],
      [4, "session_type", "yoga"],
      [4, "tempo", "3-1"],
    ]);
    expect(describeProblem(problems[2]!)).toBe(
      'line 3, sets: expected a whole number from 1 to 20, got "a few"',
    );
  });

  test("are reported if a required cell is empty", () => {
    expect(problemsOf(sheet(row({ exercise: "" })))).toEqual([
      "line 2, exercise: expected text of 1 to 160 characters, got nothing",
    ]);
  });

  test("with too few or too many cells", () => {
    expect(problemsOf(sheet("1,Accumulation,Mon", `${row()},more`))).toEqual([
      "line 2: expected 14 cells as in the header, got 3",
      "line 3: expected 14 cells as in the header, got 15",
    ]);
  });

  test("that repeat an earlier row", () => {
    expect(problemsOf(sheet(row(), row({ exercise: "Front squat" })))).toEqual([
      'line 3, order: expected a label that the session doesn\'t have yet: it repeats line 2, got "A"',
    ]);
  });

  test("that contradict an earlier row", () => {
    const misspelt = row({ order: "B", phase: "Acumulation" });
    const otherType = row({ order: "C", session_type: "deload" });
    expect(problemsOf(sheet(row(), misspelt, otherType))).toEqual([
      'line 3, phase: expected "Accumulation" in week 1, as on line 2, got "Acumulation"',
      'line 4, session_type: expected strength in this session, as on line 2, got "deload"',
    ]);
  });

  test("with a quote that is never closed don't swallow the rows after them", () => {
    const { rows, problems } = parseProgramme(
      sheet(
        row(),
        row({ order: "B", exercise: '"Squat' }),
        row({ order: "C" }),
        row({ order: "D", notes: '"x, y"' }),
      ),
    );
    expect(problems.map(({ line }) => line)).toEqual([3]);
    expect(rows.map(({ line }) => line)).toEqual([2, 4, 5]);
  });
});

describe("files", () => {
  test("with a byte order mark, CRLF line ends, quoted commas and line breaks", () => {
    const crlf = sheet(
      row({ notes: '"slow, then\nfast, ""up"""' }),
      "",
      row({ order: "B", sets: "x" }),
    ).replaceAll("\n", "\r\n");
    const { rows, problems } = parseProgramme(`\ufeff${crlf}\r\n`);
    expect(rows.map(({ line, notes }) => [line, notes])).toEqual([[2, 'slow, then\nfast, "up"']]);
    // The previous row takes two lines, and an empty line follows.
    expect(problems.map(({ line, column }) => [line, column])).toEqual([[5, "sets"]]);
  });

  test("with columns in another order, in another case, and additional ones", () => {
    const columns = HEADER.split(",").toReversed();
    const shuffle = (line: string) => line.split(",").toReversed().join(",");
    const header = columns.map((name) => (name === "session_type" ? "Session Type" : name.toUpperCase()));
    const { rows, problems, ignoredColumns } = parseProgramme(
      `${header.join(",")},Coach\n${shuffle(row())},Ann\n`,
    );
    expect(problems).toEqual([]);
    expect(rows).toHaveLength(1);
    expect(ignoredColumns).toEqual(["Coach"]);
  });

  test("without optional columns", () => {
    const names = "week,phase,day,session,session_type,order,exercise,sets,reps";
    const { rows, problems } = parseProgramme(`${names}\n1,A,Mon,Lower,strength,A,Squat,3,5\n`);
    expect(problems).toEqual([]);
    expect(rows[0]?.load).toBeUndefined();
  });

  test("without required columns are refused, naming each", () => {
    expect(problemsOf("week,phase,day,session,order,exercise,sets\n1,A,Mon,Lower,A,Squat,3\n")).toEqual([
      "line 1, session_type: expected a column session_type in the header",
      "line 1, reps: expected a column reps in the header",
    ]);
  });

  test("with a column twice are refused", () => {
    expect(problemsOf(`${HEADER},week\n`)[0]).toBe("line 1, week: expected one column week, not 2");
  });

  test.each(["", "\ufeff", "\n \n\r\n"])("that are empty (%j) ask for a header", (text) => {
    expect(problemsOf(text)).toEqual([`line 1: expected a header row with ${HEADER.replaceAll(",", ", ")}`]);
  });

  test("with a header alone ask for rows", () => {
    expect(problemsOf(`${HEADER}\n`)).toEqual(["line 2: expected at least one exercise row"]);
  });

  test("that are far too large are refused before they are parsed", () => {
    expect(problemsOf("x".repeat(2_000_001))).toEqual([
      "line 1: expected a sheet of at most 2,000,000 characters",
    ]);
  });
});
