import type { Rule } from "../rule.ts";

/** An attempt ends once, and a job once, plus once per operator's retry. */
export const endsOnce: Rule = {
  name: "one accepted ending per job and opening",
  check(entry, facts, report) {
    if (entry.type === "snapshot") {
      for (const job of facts.jobs.values()) {
        if (job.endings > 1 + job.retriesRequested) {
          report(`${job.id} ended ${job.endings} times after ${job.retriesRequested} retries`);
        }
      }
    }
    if (entry.type !== "settled" || entry.verdict !== "accepted") return;
    const job = facts.jobs.get(entry.id);
    const earlier = job?.accepted.get(entry.epoch);
    if (earlier)
      report(`${entry.id} epoch ${entry.epoch}: ${earlier} and ${entry.outcome} were both accepted`);
    if (job && !job.claimed.has(entry.epoch)) {
      report(`${entry.id} epoch ${entry.epoch}: ${entry.outcome} was accepted, but nobody claimed it`);
    }
  },
};
