import { backlogCases } from "./backlog.ts";
import { flowCases } from "./flows.ts";
import { footprintCases } from "./footprint.ts";
import type { Case } from "./lab.ts";
import { latencyCases } from "./latency.ts";
import { networkCases } from "./network.ts";
import { orderingCases } from "./ordering.ts";
import { runCases } from "./run.ts";
import { sendCases } from "./send.ts";

interface Section {
  readonly title: string;
  /** How its cases are measured, for the page. */
  readonly method: string;
  readonly cases: readonly Case[];
}

export const SECTIONS: readonly Section[] = [
  {
    title: "Sending",
    method:
      "From the first call until the last job is stored. In flight: each send that resolves is followed by the " +
      "next. Bulk: one call for 1,000 jobs after the other (`sendMany`, `addBulk`, `saveAll`, groupmq's `autoBatch`, " +
      "a pipeline of `XADD`).",
    cases: sendCases,
  },
  {
    title: "Running",
    method:
      "All jobs are stored before the worker starts. From the start of the first handler until Redis has confirmed " +
      "the end of the last job. The raw stream knows no concurrency: it reads and runs 512 at a time in each case.",
    cases: runCases,
  },
  {
    title: "Latency",
    method:
      "One process sends at a steady rate, kept by a thread of its own, and runs the jobs, at concurrency 100 and " +
      "over separate connections. From when a send was *meant* to be until its handler starts, so a system that " +
      "falls behind isn't excused for what it kept waiting (no coordinated omission). The first 0.4 s are " +
      "left out.",
    cases: latencyCases,
  },
  {
    title: "Flows",
    method:
      "A parent that runs after its 20 children: `sendMany` with refs against `FlowProducer.addBulk`, 10 flows a " +
      "call, 4 calls at a time; then run at concurrency 100. Parents count as jobs.",
    cases: flowCases,
  },
  {
    title: "Ordering keys",
    method:
      "Jobs of a key run one at a time and in order: ordering keys against groups. Stored 1,000 at a time, then " +
      "run at concurrency 100.",
    cases: orderingCases,
  },
  {
    title: "What it costs Redis",
    method:
      "Memory: growth of `used_memory` by 100,000 waiting jobs. CPU: of the thread that runs commands, for sending " +
      "(200 in flight) and running (concurrency 100). Idle: commands that a worker with nothing to do sends, as " +
      "`MONITOR` shows them over 25 s, without those that scripts call; all systems at the same time, each on a server " +
      "of its own.",
    cases: footprintCases,
  },
  {
    title: "A distant Redis",
    method: "Through a TCP proxy that holds back each byte for 2.5 ms in either direction.",
    cases: networkCases,
  },
  {
    title: "Many jobs waiting",
    method:
      "Cost: a fixed number of jobs is run while so many others wait behind them. Urgent: a job without a priority " +
      "is sent while a worker with 10 handlers of 5 ms is busy with jobs of priority 100; from its send until its " +
      "handler starts.",
    cases: backlogCases,
  },
];

export const CASES: readonly Case[] = SECTIONS.flatMap(({ cases }) => cases);
