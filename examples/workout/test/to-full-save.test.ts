import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { planFullSave } from "../src/messages/full-save.ts";
import { parseProgramme } from "../src/programme/parse-programme.ts";
import { toFullSaves } from "../src/programme/to-full-save.ts";

const text = await readFile(new URL("../data/strength-12-week.csv", import.meta.url), "utf8");
const { rows } = parseProgramme(text);
const head = {
  planId: "plan-123",
  plan: { name: "Strength, 12 weeks", clientId: "client-1", trainerId: "trainer-1" },
};
const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

describe("the twelve-week programme as a save", () => {
  const saves = toFullSaves(head, rows);
  const phases = saves.flatMap((save) => save.phases);
  const sessions = phases.flatMap((phase) => phase.sessions);

  test("fits into one job and matches the message's schema", () => {
    expect(saves).toHaveLength(1);
    expect(bytes(saves[0])).toBeLessThan(planFullSave.limits.data);
    expect(planFullSave.data.parse(saves[0])).toEqual(saves[0]);
  });

  test("has four consecutive phases, and every row of the sheet", () => {
    expect(phases.map(({ name, startWeek, weeks }) => [name, startWeek, weeks])).toEqual([
      ["Accumulation", 1, 4],
      ["Intensification", 5, 4],
      ["Peak", 9, 3],
      ["Taper and test", 12, 1],
    ]);
    expect(sessions).toHaveLength(48);
    expect(sessions.flatMap((session) => session.exercises)).toHaveLength(rows.length);
  });

  test("has the same ids for the same sheet, and others for another plan", () => {
    const again = toFullSaves(head, parseProgramme(text).rows);
    expect(again).toEqual(saves);
    const other = toFullSaves({ ...head, planId: "plan-124" }, rows);
    expect(other[0]!.phaseIds).not.toEqual(saves[0]!.phaseIds);
  });
});

describe("a plan that is too large for one job", () => {
  test("is split between phases; each part is valid, small enough, and names all phases", () => {
    const cap = 60_000;
    const saves = toFullSaves(head, rows, cap);
    expect(saves.length).toBeGreaterThan(1);
    for (const save of saves) {
      expect(planFullSave.data.safeParse(save).success).toBe(true);
      expect(bytes(save)).toBeLessThanOrEqual(cap);
      expect(save.phaseIds).toHaveLength(4);
    }
    expect(saves.flatMap((save) => save.phases)).toEqual(toFullSaves(head, rows)[0]!.phases);
  });

  test("is rejected with the name of a phase that is too large", () => {
    expect(() => toFullSaves(head, rows, 20_000)).toThrow(/Phase "Accumulation" takes .* Split the phase/);
  });
});
