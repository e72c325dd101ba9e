import { describe, expect, test } from "vitest";
import type { Engine, EngineCapabilities, NewJob } from "../src/engine/port.ts";
import { isQueueError } from "../src/errors/index.ts";
import { memoryEngine } from "../src/memory/index.ts";
import {
  type Capability,
  type ConformanceCase,
  conformanceCases,
  describeEngine,
  type EngineUnderTest,
} from "../src/testing/conformance/index.ts";
import { Scenario } from "../src/testing/conformance/scenario.ts";
import { FakeClock } from "../src/testing/fake-clock.ts";

async function openMemory(alter: (engine: Engine) => Engine = (engine) => engine): Promise<EngineUnderTest> {
  const clock = new FakeClock();
  const engine = alter(memoryEngine({ clock }));
  return {
    engine,
    clock,
    elapse: (milliseconds) => clock.advance(milliseconds),
    peer: async () => engine,
    close: () => engine.close(),
  };
}

describeEngine({ name: "memory", runner: { describe, test }, open: () => openMemory() });

/** How an engine without a capability meets what needs it. */
const NEEDS: Partial<Record<Capability, (job: NewJob) => boolean>> = {
  dependencies: ({ dependsOn }) => dependsOn.length > 0,
  orderingKeys: ({ ordering }) => ordering !== undefined,
  delays: ({ delay }) => delay > 0,
  priorities: ({ priority }) => priority > 0,
  dedupe: ({ dedupe }) => dedupe !== undefined,
};

const METHODS: Partial<Record<Capability, readonly (keyof Engine)[]>> = {
  inspection: ["get", "list", "edges"],
  cancellation: ["cancel"],
};

/** An engine that lacks a capability, and tells when it is used all the same. */
function lacking(engine: Engine, capability: Capability, onUse: () => void = () => {}): Engine {
  const missing = () => {
    onUse();
    return Promise.reject(new Error(`this engine lacks ${capability}`));
  };
  return new Proxy(engine, {
    get(target, name) {
      if (name === "capabilities") {
        return { ...target.capabilities, [capability]: false } satisfies EngineCapabilities;
      }
      if (METHODS[capability]?.includes(name as keyof Engine)) return missing;
      if (name === "enqueue" && NEEDS[capability]) {
        return (batches: Parameters<Engine["enqueue"]>[0]) =>
          batches.some(({ jobs }) => jobs.some(NEEDS[capability]!)) ? missing() : target.enqueue(batches);
      }
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("the conformance suite", () => {
  test("states each rule once", () => {
    const names = conformanceCases.map(({ section, name }) => `${section}: ${name}`);
    expect(names).toEqual([...new Set(names)]);
  });

  test.each(Object.keys({ ...NEEDS, ...METHODS }) as Capability[])(
    "a case that uses %s says so",
    async (capability) => {
      const silent = new Set<string>();
      for (const { section, name, requires, run } of conformanceCases) {
        if (requires.includes(capability)) continue;
        const noteUse = () => silent.add(`${section}: ${name}`);
        const under = await openMemory((engine) => lacking(engine, capability, noteUse));
        await run(new Scenario(under)).catch((error) => {
          if (isQueueError(error, "UNSUPPORTED_BY_ENGINE")) noteUse();
        });
        await under.close();
      }
      expect([...silent]).toEqual([]);
    },
  );

  test("what an engine lacks is skipped with the reason, as is what it names itself", async () => {
    const outcomes: Record<string, string> = {};
    const example = (name: string, requires: readonly Capability[]): ConformanceCase => ({
      section: "example",
      name,
      requires,
      run: async () => {
        outcomes[name] = "ran";
      },
    });
    const tests: Promise<void>[] = [];
    describeEngine({
      name: "bare",
      open: () => openMemory((engine) => lacking(engine, "delays")),
      cases: [example("plain", []), example("delayed", ["delays", "dedupe"]), example("known", [])],
      skip: { known: "its server can't do that before version 9" },
      runner: {
        describe: (_name, define) => define(),
        test: (name, run) => {
          const skip = (reason: string) => {
            outcomes[name] = reason;
          };
          tests.push(run({ skip }));
        },
      },
    });
    await Promise.all(tests);
    expect(outcomes).toEqual({
      plain: "ran",
      delayed: "the memory engine doesn't offer delays",
      known: "its server can't do that before version 9",
    });
  });

  test("a skip under a name that no case has is refused", () => {
    const options = { name: "bare", runner: { describe, test }, open: () => openMemory() };
    expect(() => describeEngine({ ...options, skip: { "no such case": "why not" } })).toThrow(/no such case/);
  });
});
