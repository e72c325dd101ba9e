import type { Rule } from "../rule.ts";

/** Every claim of a job has a new epoch, and epochs never go down. */
export const epochsGrow: Rule = {
  name: "epochs only grow",
  check(entry, facts, report) {
    switch (entry.type) {
      case "claimed":
        for (const { id, epoch } of entry.jobs) {
          if (facts.jobs.get(id)?.claimed.has(epoch)) report(`${id} was claimed twice with epoch ${epoch}`);
        }
        break;
      case "event": {
        const { id, epoch, type } = entry.event;
        const job = facts.jobs.get(id);
        if (!job) break;
        if (epoch < job.epoch) report(`${id} ${type} went from epoch ${job.epoch} to ${epoch}`);
        if (type === "active" && epoch === job.stateEpoch)
          report(`${id} was claimed with its old epoch ${epoch}`);
        break;
      }
      case "snapshot":
        for (const { id, epoch } of entry.jobs) {
          const job = facts.jobs.get(id);
          const latest = job ? Math.max(job.epoch, ...job.claimed) : 0;
          if (epoch < latest) report(`${id} has epoch ${epoch}, after ${latest}`);
        }
        break;
      default:
        break;
    }
  },
};
