import type { System } from "../../peers/system.ts";
import { type Case, calibrate, compete, type Lab, load, setupOf, systemsThat, withProducer } from "./lab.ts";
import { timeRun } from "./run.ts";

const ordering = (keys: number): Case => {
  const name = keys === 1 ? "1 ordering key" : `${keys.toLocaleString("en")} ordering keys`;
  return {
    name,
    run: (lab) =>
      compete(lab, {
        case: name,
        metrics: { run: "jobs/s", add: "jobs/s" },
        systems: systemsThat(({ ordering }) => ordering),
        prepare: (system) =>
          calibrate(lab, async (jobs) => {
            const { add, run } = await addAndRun(lab, system, keys, jobs);
            return Math.max(add, run);
          }),
        measure: async (system, jobs) => {
          const { add, run } = await addAndRun(lab, system, keys, jobs);
          return { run: jobs / run, add: jobs / add };
        },
      }),
  };
};

export const orderingCases: readonly Case[] = [ordering(1), ordering(1_000)];

/** Seconds to store jobs that share `keys` keys, a thousand jobs at a time, and then to run them. */
async function addAndRun(
  lab: Lab,
  system: System,
  keys: number,
  jobs: number,
): Promise<{ add: number; run: number }> {
  await lab.server.flush();
  const add = await withProducer(system, setupOf(lab, { keys }), async (producer) => {
    const start = performance.now();
    await load(producer, jobs);
    return (performance.now() - start) / 1_000;
  });
  const run = await timeRun(lab, system, { concurrency: 100, keep: 0, keys, jobs });
  return { add, run };
}
