import type { ConformanceCase, EngineUnderTest } from "./case.ts";
import { conformanceCases } from "./cases.ts";
import { reasonToSkip } from "./offered.ts";
import { Scenario } from "./scenario.ts";

/** The part of a test runner that the suite needs. vitest, jest-like runners and `node:test` have it. */
export interface ConformanceRunner {
  describe(name: string, define: () => void): void;
  test(name: string, run: (context: SkippableTest) => Promise<void>): void;
}

export interface SkippableTest {
  skip(reason: string): void;
}

export interface DescribeEngineOptions {
  readonly name: string;
  /** Opens an empty engine for one case. */
  readonly open: () => Promise<EngineUnderTest>;
  readonly runner: ConformanceRunner;
  /** Cases that this engine can't pass, by name, with a reason each. */
  readonly skip?: Readonly<Record<string, string>> | undefined;
  /** @default conformanceCases */
  readonly cases?: readonly ConformanceCase[] | undefined;
}

/**
 * Runs the conformance suite on an engine, one test per case. Cases that need a missing feature or facet are skipped
 * with the reason, like those in `skip`.
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
 *       close: () => engine.core.close(),
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
            const known = skip[each.name];
            if (known !== undefined) context.skip(known);
            else await each.run(new Scenario(under)).catch((error) => skipOrThrow(context, error));
          } finally {
            await under.close();
          }
        });
      }
    });
  }
}

function skipOrThrow(context: SkippableTest, error: unknown): void {
  const reason = reasonToSkip(error);
  if (reason === undefined) throw error;
  context.skip(reason);
}

/** Guards against a skip that has no effect because its case was renamed. */
function refuseUnknownSkips(skip: Readonly<Record<string, string>>, cases: readonly ConformanceCase[]): void {
  const known = new Set(cases.map(({ name }) => name));
  const unknown = Object.keys(skip).filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw new Error(
      `\`skip\` names unknown conformance cases: ${unknown.join("; ")}. Correct or remove them.`,
    );
}
