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
  /** How the cases are measured, for the page. */
  readonly method: string;
  readonly cases: readonly Case[];
}

export const SECTIONS: readonly Section[] = [
  {
    title: "Sending",
    method:
      "From the first call until the last job is stored. In flight: the next send follows each one that resolves. " +
      "Bulk: consecutive calls with 1,000 jobs each (`sendMany`, `addBulk`, `saveAll`, groupmq's `autoBatch`, " +
      "a pipeline of `XADD`).",
    cases: sendCases,
  },
  {
    title: "Running",
    method:
      "All jobs are stored before the worker starts. From the start of the first handler until Redis has confirmed " +
      "the end of the last job. The raw stream has no concurrency: it reads and runs 512 jobs at a time in each case.",
    cases: runCases,
  },
  {
    title: "Latency",
    method:
      "One process sends at a steady rate, timed by a separate thread, and runs the jobs, at concurrency 100 and " +
      "over separate connections. Latency counts from the *intended* time of a send until its handler starts, so a " +
      "system that falls behind is charged for the delay (no coordinated omission). The first 0.4 s are " +
      "left out.",
    cases: latencyCases,
  },
  {
    title: "Flows",
    method:
      "A parent that runs after its 20 children: `sendMany` with refs against `FlowProducer.addBulk`, 10 flows per " +
      "call, 4 calls at a time, then run at concurrency 100. Parents count as jobs.",
    cases: flowCases,
  },
  {
    title: "Ordering keys",
    method:
      "Jobs of a key run one at a time, in order: ordering keys against groups. Stored 1,000 at a time, then " +
      "run at concurrency 100.",
    cases: orderingCases,
  },
  {
    title: "Cost for Redis",
    method:
      "Memory: growth of `used_memory` with 100,000 waiting jobs. CPU: of the command thread, for sending " +
      "(200 in flight) and running (concurrency 100). Idle: commands that a worker without work sends, as " +
      "`MONITOR` shows them over 25 s, without those inside scripts. All systems run at the same time, each on its " +
      "own server.",
    cases: footprintCases,
  },
  {
    title: "Network latency",
    method: "Through a TCP proxy that delays each byte by 2.5 ms in either direction.",
    cases: networkCases,
  },
  {
    title: "Large backlogs",
    method:
      "Cost: a fixed number of jobs runs while this many others wait behind them. Urgent: a job without a priority " +
      "is sent while a worker with 10 handlers of 5 ms is busy with jobs of priority 100; from its send until its " +
      "handler starts.",
    cases: backlogCases,
  },
];

export const CASES: readonly Case[] = SECTIONS.flatMap(({ cases }) => cases);
