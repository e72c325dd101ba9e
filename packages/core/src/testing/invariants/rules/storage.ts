import type { NewJob } from "../../../engine/job.ts";
import { isTerminal } from "../../../engine/state-machine.ts";
import type { HistoryFacts } from "../job-facts.ts";
import type { Report, Rule } from "../rule.ts";

/** Only finished jobs (by retention or clean) and removed jobs may be missing. */
export const nothingIsLost: Rule = {
  name: "nothing acknowledged is lost",
  check(entry, facts, report) {
    if (entry.type !== "snapshot") return;
    const stored = new Map(entry.jobs.map((job) => [job.id, job]));
    for (const job of facts.jobs.values()) {
      const record = stored.get(job.id);
      if (!record) {
        if (job.isAcknowledged && !job.hasEnded && !job.removalRequested) {
          report(`${job.id} was acknowledged and is missing, but never ended (last seen ${job.state})`);
        }
        continue;
      }
      if (job.isRemoved) report(`${job.id} was removed, but is ${record.state}`);
      if (job.hasCompleted && record.state !== "completed") {
        report(`${job.id} was completed, but is ${record.state}`);
      }
      if (job.hasEnded && !isTerminal(record.state) && job.retriesRequested === 0) {
        report(`${job.id} had ended and is ${record.state}, but nobody retried it`);
      }
    }
  },
};

/** Every job that is claimed, listed or in an event was sent, with the same data. */
export const nothingIsInvented: Rule = {
  name: "nothing is invented",
  check(entry, facts, report) {
    switch (entry.type) {
      case "claimed":
        for (const { id, data } of entry.jobs) {
          const job = facts.jobs.get(id);
          if (!job) report(`${id} was claimed, but never sent`);
          else if (job.sent.envelope.data !== data)
            report(`${id} was claimed with data that differs from what was sent`);
        }
        break;
      case "sent":
        entry.jobs.forEach(({ id }, index) => {
          if (id !== entry.requested[index] && !facts.jobs.has(id))
            report(`${id} was acknowledged, but never sent`);
        });
        break;
      case "event":
        if (!facts.jobs.has(entry.event.id)) report(`${entry.event.id} had an event, but was never sent`);
        break;
      case "snapshot":
        for (const record of entry.jobs) sentAs(record, facts, report);
        break;
      default:
        break;
    }
  },
};

function sentAs(
  record: Omit<NewJob, "delay" | "maxStalls" | "retain" | "dependsOn"> & { readonly id: string },
  facts: HistoryFacts,
  report: Report,
): void {
  const job = facts.jobs.get(record.id);
  if (!job) {
    report(`${record.id} is stored, but was never sent`);
    return;
  }
  const { sent } = job;
  for (const [name, value] of Object.entries(sent.envelope)) {
    const stored = record.envelope[name as keyof typeof sent.envelope];
    if (stored !== value) report(`${record.id} is stored with ${name} ${stored} instead of ${value}`);
  }
  for (const name of ["queue", "priority", "maxAttempts"] as const) {
    if (record[name] !== sent[name]) report(`${record.id} is stored with another ${name} than was sent`);
  }
}
