import type { JobRecord } from "../../../engine/job.ts";
import { isTerminal } from "../../../engine/state-machine.ts";
import type { JobFacts } from "../job-facts.ts";
import type { Rule } from "../rule.ts";

/** The fields of a record are consistent with its state and with each other. */
export const recordsAreConsistent: Rule = {
  name: "records are consistent",
  check(entry, facts, report) {
    if (entry.type !== "snapshot") return;
    for (const record of entry.jobs) {
      for (const problem of problemsOf(record, facts.jobs.get(record.id))) {
        report(`${record.id} (${record.state}) ${problem}`);
      }
    }
  },
};

function* problemsOf(record: JobRecord, job: JobFacts | undefined): Iterable<string> {
  const { state, epoch, attempt, createdAt, startedAt, finishedAt, runAt } = record;
  if ((finishedAt !== undefined) !== isTerminal(state)) yield `finished at ${finishedAt}`;
  if ((runAt !== undefined) !== (state === "scheduled")) yield `is due at ${runAt}`;
  if (state === "active" && (epoch < 1 || attempt < 1 || startedAt === undefined)) yield "was never claimed";
  if (state === "completed" && record.error !== undefined) yield "carries an error";
  if (state !== "completed" && record.result !== undefined) yield "carries a result";
  if ((state === "failed" || state === "cancelled") && record.error === undefined) yield "carries no error";
  if (startedAt !== undefined && startedAt < createdAt) yield "started before it was created";
  if (attempt < 0 || attempt > epoch) yield `is at attempt ${attempt} of epoch ${epoch}`;
  if (record.failures.length > 10 || record.logs.length > 100) yield "keeps too much history";
  const mayBeHeld = state === "active" || (state === "blocked" && record.orderingKey !== undefined);
  if (record.cancelRequested && !isTerminal(state) && !mayBeHeld)
    yield "has a cancel request but isn't running";
  if (job && record.stalls > job.sent.maxStalls) yield `stalled ${record.stalls} times`;
  if (job && record.stalls === job.sent.maxStalls && !isTerminal(state))
    yield "reached maxStalls but hasn't failed";
}
