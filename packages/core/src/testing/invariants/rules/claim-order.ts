import type { JobFacts } from "../job-facts.ts";
import type { Rule } from "../rule.ts";

/**
 * One claim takes jobs of a queue by priority, then by send order. Reserved jobs come together with the job that they
 * follow.
 */
export const claimsFollowOrder: Rule = {
  name: "claims follow priority and send order",
  check(entry, facts, report) {
    if (entry.type !== "claimed") return;
    const latest = new Map<string, JobFacts>();
    for (const { id, follows } of entry.jobs) {
      const job = facts.jobs.get(id);
      if (!job || follows !== undefined) continue;
      const before = latest.get(job.sent.queue);
      if (before && comesFirst(job, before)) report(`${before.id} was handed out before ${id}`);
      latest.set(job.sent.queue, job);
    }
  },
};

function comesFirst(job: JobFacts, other: JobFacts): boolean {
  if (job.sent.priority !== other.sent.priority) return job.sent.priority < other.sent.priority;
  // Send order is known only between jobs of one sender.
  return job.sender === other.sender && job.order < other.order;
}
