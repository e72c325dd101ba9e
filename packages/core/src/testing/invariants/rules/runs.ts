import { HistoryFacts, type JobFacts } from "../job-facts.ts";
import type { Report, Rule } from "../rule.ts";

/** A run is a chain of jobs of one key, and a job's end is accepted only after that of the job before it. */
export const runsAreInOrder: Rule = {
  name: "runs of a key keep their order",
  check(entry, facts, report) {
    if (entry.type === "claimed") {
      for (const [index, { id, follows }] of entry.jobs.entries()) {
        if (follows !== undefined) isNext(id, follows, entry.jobs[index - 1]?.id, facts, report);
      }
    }
    if (entry.type !== "settled" || entry.verdict !== "accepted") return;
    const ahead = facts.jobs.get(entry.id)?.reserved.get(entry.epoch);
    // The reply may have been lost, and the repeated outcome refused as stale.
    if (ahead && !facts.jobs.get(ahead.id)?.settledEpochs.has(ahead.epoch)) {
      report(
        `${entry.id} epoch ${entry.epoch} ended before ${ahead.id} epoch ${ahead.epoch}, which it follows`,
      );
    }
  },
};

function isNext(
  id: string,
  follows: string,
  before: string | undefined,
  facts: HistoryFacts,
  report: Report,
): void {
  if (before !== follows) report(`${id} follows ${follows}, but was handed out after ${before}`);
  const [job, ahead] = [facts.jobs.get(id), facts.jobs.get(follows)];
  if (!job || !ahead) return;
  const key = HistoryFacts.orderingKeyOf(job);
  if (key === undefined || key !== HistoryFacts.orderingKeyOf(ahead))
    report(`${id} follows ${follows} of another key`);
  else if (comesFirst(job, ahead)) report(`${id} follows ${follows}, which was sent later`);
}

/** The order is known only between jobs of one sender, and only until an operator retries one. */
function comesFirst(job: JobFacts, ahead: JobFacts): boolean {
  return job.sender === ahead.sender && job.order < ahead.order && job.retriesRequested === 0;
}
