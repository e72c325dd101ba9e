import { JOB_STATES, type JobState } from "../../../engine/state-machine.ts";
import type { Rule } from "../rule.ts";

export const countsMatch: Rule = {
  name: "counts match list",
  check(entry, _facts, report) {
    if (entry.type !== "snapshot") return;
    const tally = new Map<string, number>();
    for (const { queue, state } of entry.jobs) {
      tally.set(`${queue} ${state}`, (tally.get(`${queue} ${state}`) ?? 0) + 1);
    }
    const counted = new Map(entry.counts.map((counts) => [counts.queue, counts.states]));
    for (const queue of new Set([...counted.keys(), ...entry.jobs.map((job) => job.queue)])) {
      for (const state of JOB_STATES) {
        const listed = tally.get(`${queue} ${state}`) ?? 0;
        const count = countOf(counted.get(queue), state);
        if (count !== listed) report(`${queue} counts ${count} ${state}, but list returns ${listed}`);
      }
    }
    const ids = new Set(entry.jobs.map(({ id }) => id));
    if (ids.size !== entry.jobs.length) report("list returned a job twice");
  },
};

function countOf(states: Readonly<Record<JobState, number>> | undefined, state: JobState): number {
  return states?.[state] ?? 0;
}
