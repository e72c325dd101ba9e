import { HistoryFacts, type JobFacts } from "../job-facts.ts";
import type { Report, Rule } from "../rule.ts";

/** A run is handed out as a chain of one key's jobs, and each one's end counts only after the one ahead's. */
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
    // An answer may have been lost on its way, and the repeated outcome be stale.
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
  if (before !== follows) report(`${id} follows ${follows}, and was handed out after ${before}`);
  const [job, ahead] = [facts.jobs.get(id), facts.jobs.get(follows)];
  if (!job || !ahead) return;
  const key = HistoryFacts.orderingKeyOf(job);
  if (key === undefined || key !== HistoryFacts.orderingKeyOf(ahead))
    report(`${id} follows ${follows} of another key`);
  else if (comesFirst(job, ahead)) report(`${id} follows ${follows}, which was sent later`);
}

/** Order is known only between jobs of one sender, and until an operator retries one. */
function comesFirst(job: JobFacts, ahead: JobFacts): boolean {
  return job.sender === ahead.sender && job.order < ahead.order && job.retriesRequested === 0;
}
