import type { HistoryFacts, JobFacts } from "../job-facts.ts";
import type { Rule } from "../rule.ts";

/**
 * A job that isn't running is only cancelled by an operator, or because a dependency was removed, or failed or was
 * cancelled under the policy `cancel`.
 */
export const cancellationsHaveACause: Rule = {
  name: "no job is cancelled without a cause",
  check(entry, facts, report) {
    if (entry.type !== "event" || entry.event.type !== "cancelled") return;
    const job = facts.jobs.get(entry.event.id);
    if (!job || job.state === "active" || job.cancelRequested || job.removalRequested) return;
    if (!job.sent.dependsOn.some((edge) => cancels(edge, facts, job))) {
      report(`${job.id} was cancelled, but no dependency explains it`);
    }
  },
};

function cancels(edge: JobFacts["sent"]["dependsOn"][number], facts: HistoryFacts, job: JobFacts): boolean {
  const dependency = facts.resolve(edge.job);
  if (!dependency) return false;
  // Its id may stand for another job. The acknowledgement, which says so, may come after the events.
  if (!dependency.isAcknowledged) return job.state === null;
  if (edge.onFailure === "cancel") return dependency.hasEnded;
  if (edge.onFailure === "run") return false;
  // A dependent with `hold` can't wait for a job that was removed, or trimmed before the send.
  return dependency.removalRequested || (job.state === null && dependency.hasEnded);
}
