import { describe, expect, test } from "vitest";
import { type CompleteEngine, ENGINE_FACETS } from "../src/engine/engine.ts";
import { memoryEngine } from "../src/memory/index.ts";
import { alterEngine } from "../src/testing/alter-engine.ts";
import {
  conformanceCases,
  type DescribeEngineOptions,
  describeEngine,
  type EngineUnderTest,
  engineCases,
} from "../src/testing/conformance/index.ts";
import { FakeClock } from "../src/testing/fake-clock.ts";

async function openMemory(
  alter: (engine: CompleteEngine) => CompleteEngine = (engine) => engine,
): Promise<EngineUnderTest> {
  const clock = new FakeClock();
  const engine = alter(memoryEngine({ clock }));
  return {
    engine,
    clock,
    elapse: (milliseconds) => clock.advance(milliseconds),
    peer: async () => engine,
    close: () => engine.core.close(),
  };
}

describeEngine({ name: "memory", runner: { describe, test }, open: () => openMemory() });

describe("the conformance suite", () => {
  test("states each rule once", () => {
    const names = conformanceCases.map(({ section, name }) => `${section}: ${name}`);
    expect(names).toEqual([...new Set(names)]);
  });

  test.each([
    { lacks: "orderingKeys", change: { features: { orderingKeys: false } } },
    { lacks: "delays", change: { features: { delays: false } } },
    ...ENGINE_FACETS.map((lacks) => ({ lacks, change: { [lacks]: null } })),
  ])("runs the cases on an engine without $lacks that don't need it", async ({ change }) => {
    const outcomes = await outcomesOf({
      name: "bare",
      open: () => openMemory((engine) => alterEngine(engine, change)),
      // Cases of the runtime wait for events, while nobody advances the fake clock.
      cases: engineCases,
    });
    const skipped = [...outcomes.values()].filter((outcome) => outcome !== "passed");
    for (const reason of skipped) expect(reason).toContain("The memory engine doesn't offer ");
    expect(skipped.length).toBeGreaterThan(5);
    expect(outcomes.size - skipped.length).toBeGreaterThan(50);
  });

  test("skips cases by name, with a reason", async () => {
    const example = (name: string) => ({ section: "example", name, run: async () => {} });
    const outcomes = await outcomesOf({
      name: "bare",
      open: openMemory,
      cases: [example("plain"), example("known")],
      skip: { known: "its server can't do that before version 9" },
    });
    expect(Object.fromEntries(outcomes)).toEqual({
      "example: plain": "passed",
      "example: known": "its server can't do that before version 9",
    });
  });

  test("rejects a skip of an unknown case", () => {
    const options = { name: "bare", runner: { describe, test }, open: () => openMemory() };
    expect(() => describeEngine({ ...options, skip: { "no such case": "why not" } })).toThrow(/no such case/);
  });
});

/** Runs the suite. Returns for each case that it passed, or why it was skipped. Rejects on a failure. */
async function outcomesOf(options: Omit<DescribeEngineOptions, "runner">): Promise<Map<string, string>> {
  const outcomes = new Map<string, string>();
  const runs: (() => Promise<void>)[] = [];
  let section = "";
  describeEngine({
    ...options,
    runner: {
      describe: (name, define) => {
        section = name.replace(/^.* engine: /, "");
        define();
      },
      test: (name, run) => {
        const title = `${section}: ${name}`;
        runs.push(async () => {
          outcomes.set(title, "passed");
          await run({ skip: (reason) => void outcomes.set(title, reason) });
        });
      },
    },
  });
  for (const run of runs) await run();
  return outcomes;
}
