import type { ConformanceCase, EngineUnderTest } from "./case.ts";
import { conformanceCases } from "./cases.ts";
import { Scenario } from "./scenario.ts";

/** The part of a test runner that the suite needs; vitest, jest-like runners and `node:test` have it. */
export interface ConformanceRunner {
  describe(name: string, define: () => void): void;
  test(name: string, run: (context: SkippableTest) => Promise<void>): void;
}

export interface SkippableTest {
  skip(reason: string): void;
}

export interface DescribeEngineOptions {
  readonly name: string;
  /** Makes an empty engine ready for one case. */
  readonly open: () => Promise<EngineUnderTest>;
  readonly runner: ConformanceRunner;
  /** Cases that this engine can't pass, by name, each with the reason. */
  readonly skip?: Readonly<Record<string, string>> | undefined;
  /** @default conformanceCases */
  readonly cases?: readonly ConformanceCase[] | undefined;
}

/**
 * Runs the conformance suite on an engine, one test a case. What the engine's capabilities leave out is
 * skipped with the reason, and so is what `skip` names.
 *
 * @example
 * import { describe, test } from "vitest";
 *
 * describeEngine({
 *   name: "memory",
 *   runner: { describe, test },
 *   async open() {
 *     const clock = new FakeClock();
 *     const engine = memoryEngine({ clock });
 *     return {
 *       engine,
 *       clock,
 *       elapse: (milliseconds) => clock.advance(milliseconds),
 *       peer: async () => engine,
 *       close: () => engine.close(),
 *     };
 *   },
 * });
 */
export function describeEngine(options: DescribeEngineOptions): void {
  const { name, open, runner, skip = {}, cases = conformanceCases } = options;
  refuseUnknownSkips(skip, cases);

  for (const section of new Set(cases.map((each) => each.section))) {
    runner.describe(`${name} engine: ${section}`, () => {
      for (const each of cases.filter((candidate) => candidate.section === section)) {
        runner.test(each.name, async (context) => {
          const under = await open();
          try {
            const reason = skip[each.name] ?? missingCapability(each, under);
            if (reason === undefined) await each.run(new Scenario(under));
            else context.skip(reason);
          } finally {
            await under.close();
          }
        });
      }
    });
  }
}

function missingCapability({ requires }: ConformanceCase, { engine }: EngineUnderTest): string | undefined {
  const missing = requires.filter((capability) => !engine.capabilities[capability]);
  return missing.length > 0 ? `the ${engine.name} engine doesn't offer ${missing.join(", ")}` : undefined;
}

/** A case that was renamed must not be skipped silently under its old name. */
function refuseUnknownSkips(skip: Readonly<Record<string, string>>, cases: readonly ConformanceCase[]): void {
  const known = new Set(cases.map(({ name }) => name));
  const unknown = Object.keys(skip).filter((name) => !known.has(name));
  if (unknown.length > 0) throw new Error(`No conformance case is named ${unknown.join("; ")}`);
}
