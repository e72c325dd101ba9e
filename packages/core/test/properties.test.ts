import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryEngine } from "../src/memory/index.ts";
import { FakeClock } from "../src/testing/fake-clock.ts";
import { HistoryChecker } from "../src/testing/invariants/index.ts";
import {
  type Command,
  commandSequence,
  EngineSession,
  firstDifference,
  replayParameters,
  shortestFailure,
} from "../src/testing/model/index.ts";

const { QUEUE_PROPERTY_RUNS, QUEUE_PROPERTY_COMMANDS } = process.env;

const SEQUENCES = Number(QUEUE_PROPERTY_RUNS ?? 200);
const LENGTH = 200;

/** A snapshot is slow, so it is taken every few commands, and at the end. */
const SNAPSHOT_EVERY = 5;

async function openSession() {
  const clock = new FakeClock();
  const checker = new HistoryChecker();
  const session = await EngineSession.open({
    engine: memoryEngine({ clock }),
    elapse: (milliseconds) => clock.advance(milliseconds),
    record: (entry) => checker.observe(entry),
  });
  return { session, checker };
}

/** Executes a sequence while checking the invariants, then drains. Throws the violations. */
async function holds(commands: readonly Command[]): Promise<void> {
  const { session, checker } = await openSession();
  for (const [index, command] of commands.entries()) {
    await session.execute(command);
    if (index % SNAPSHOT_EVERY === SNAPSHOT_EVERY - 1) await session.snapshot();
    checker.assertNoViolations();
  }
  await session.snapshot();
  await session.drain();
  checker.assertNoViolations();
  // An operator who retries failed jobs until none fails completes every job.
  for (let round = 0; (await session.retryFailed()) > 0 && round < 100; round++) await session.drain();
  const { jobs } = await session.snapshot();
  checker.assertNoViolations();
  const left = jobs.filter(({ state }) => state !== "completed").map(({ id, state }) => `${id} is ${state}`);
  if (left.length > 0) throw new Error(`After every retry: ${left.join(", ")}`);
}

async function problemOf(commands: readonly Command[]): Promise<string | undefined> {
  return holds(commands).then(
    () => undefined,
    (error: unknown) => String(error),
  );
}

function replay({ seed, path }: { readonly seed: number; readonly path: string | null }): string {
  return `QUEUE_PROPERTY_SEED=${seed} QUEUE_PROPERTY_PATH=${path} vitest run test/properties.test.ts`;
}

describe("random command sequences", () => {
  test(`${SEQUENCES} sequences of ${LENGTH} commands keep the invariants`, { timeout: 300_000 }, async () => {
    if (QUEUE_PROPERTY_COMMANDS) return holds(JSON.parse(QUEUE_PROPERTY_COMMANDS));
    const outcome = await fc.check(fc.asyncProperty(commandSequence(LENGTH), holds), {
      numRuns: SEQUENCES,
      ...replayParameters(),
    });
    if (!outcome.failed) return;
    const [commands] = outcome.counterexample ?? [[]];
    const shortest = await shortestFailure(
      await (await openSession()).session.executeAndResolve(commands),
      async (candidate) => (await problemOf(candidate)) !== undefined,
    );
    throw new Error(
      [
        await problemOf(shortest),
        `Again: ${replay({ seed: outcome.seed, path: outcome.counterexamplePath })}`,
        `Shortest: QUEUE_PROPERTY_COMMANDS='${JSON.stringify(shortest)}'`,
      ].join("\n"),
    );
  });

  test("the same commands get the same replies: the engine is deterministic under its clock", async () => {
    await fc.assert(
      fc.asyncProperty(commandSequence(LENGTH), async (commands) => {
        const [first, second] = [await openSession(), await openSession()];
        expect(await firstDifference(commands, first.session, second.session)).toBe(undefined);
      }),
      { numRuns: 10, ...replayParameters() },
    );
  });

  test("two different engines are told apart at the first command that reveals it", async () => {
    const [first, second] = [await openSession(), await openSession()];
    const [send] = fc
      .sample(commandSequence(50), { numRuns: 1, seed: 1 })[0]!
      .filter((command) => command.do === "send");
    const elapse = { do: "elapse", milliseconds: 1 } as const;
    await second.session.execute(send!);
    expect(await firstDifference([elapse], first.session, second.session)).toMatchObject({
      at: 0,
      in: "state",
    });
  });
});
