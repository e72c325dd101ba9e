import type { System } from "../../peers/system.ts";
import { type Case, calibrate, collectGarbage, compete, type Lab, setupOf, systemsThat } from "./lab.ts";
import { timeRun } from "./run.ts";

const CHILDREN = 20;
const JOBS = CHILDREN + 1;
/** Flows per call, and concurrent calls. */
const FLOWS_PER_CALL = 10;
const CALLS = 4;

const NAME = "fan-in flows 1 + 20";

const flows: Case = {
  name: NAME,
  run: (lab) =>
    compete(lab, {
      case: NAME,
      metrics: { "add and run": "jobs/s", add: "jobs/s", run: "jobs/s" },
      systems: systemsThat(({ openFlowProducer }) => openFlowProducer !== undefined),
      prepare: async (system) => {
        const jobs = await calibrate(lab, async (jobs) => {
          const { add, run } = await addAndRun(lab, system, Math.ceil(jobs / JOBS));
          return Math.max(add, run);
        });
        return Math.ceil(jobs / JOBS);
      },
      measure: async (system, count) => {
        const { add, run } = await addAndRun(lab, system, count);
        const jobs = count * JOBS;
        return { "add and run": jobs / (add + run), add: jobs / add, run: jobs / run };
      },
    }),
};

export const flowCases: readonly Case[] = [flows];

/** Seconds to store `count` flows, and then to run them. */
async function addAndRun(lab: Lab, system: System, count: number): Promise<{ add: number; run: number }> {
  await lab.server.flush();
  const producer = await system.openFlowProducer!(setupOf(lab));
  let add: number;
  try {
    collectGarbage();
    const start = performance.now();
    let left = count;
    const lane = async () => {
      while (left > 0) {
        const flows = Math.min(left, FLOWS_PER_CALL);
        left -= flows;
        await producer.addFlows(flows, CHILDREN);
      }
    };
    await Promise.all(Array.from({ length: CALLS }, lane));
    add = (performance.now() - start) / 1_000;
  } finally {
    await producer.close();
  }
  const run = await timeRun(lab, system, { concurrency: 100, keep: 0, jobs: count * JOBS });
  return { add, run };
}
