import type { HistoryFacts, JobFacts } from "../job-facts.ts";
import type { Rule } from "../rule.ts";

/**
 * A job that isn't running is cancelled by an operator, or because a job it depends on ended badly and its
 * policy says so, or was removed.
 */
export const cancellationsHaveACause: Rule = {
  name: "no job is cancelled without a cause",
  check(entry, facts, report) {
    if (entry.type !== "event" || entry.event.type !== "cancelled") return;
    const job = facts.jobs.get(entry.event.id);
    if (!job || job.state === "active" || job.cancelRequested || job.removalRequested) return;
    if (!job.sent.dependsOn.some((edge) => cancels(edge, facts, job))) {
      report(`${job.id} was cancelled, and nothing it depends on gave a reason`);
    }
  },
};

function cancels(edge: JobFacts["sent"]["dependsOn"][number], facts: HistoryFacts, job: JobFacts): boolean {
  const dependency = facts.resolve(edge.job);
  if (!dependency) return false;
  // Its id may stand for another's: that is told with the acknowledgement, after the events.
  if (!dependency.isAcknowledged) return job.state === null;
  if (edge.onFailure === "cancel") return dependency.hasEnded;
  if (edge.onFailure === "run") return false;
  // A holder can't wait for a job that is gone, be it removed or trimmed before this one was sent.
  return dependency.removalRequested || (job.state === null && dependency.hasEnded);
}
