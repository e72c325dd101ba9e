import { isTerminal, type JobState } from "../../../engine/state-machine.ts";
import { HistoryFacts, type JobFacts } from "../job-facts.ts";
import type { Rule } from "../rule.ts";

/**
 * At most one job of a key has the turn, from its release until it ends, and the turn goes to the earliest unfinished
 * job. A failed job that holds its key has the turn too.
 */
export const keysKeepOrder: Rule = {
  name: "ordering keys keep their order",
  check(entry, facts, report) {
    if (entry.type === "event" && entry.event.type !== "progress") {
      const job = facts.jobs.get(entry.event.id);
      const key = job && HistoryFacts.orderingKeyOf(job);
      if (!job || key === undefined || hasTurn(job.state) || !hasTurn(entry.event.type)) return;
      for (const other of facts.byOrderingKey.get(key) ?? []) {
        if (other === job) continue;
        const problem = turnIsTaken(job, entry.event.type, other);
        if (problem) report(`${job.id} of key ${key} became ${entry.event.type}, but ${problem}`);
      }
    }
    if (entry.type !== "snapshot") return;
    const turns = new Map<string, string>();
    for (const { id, state, queue, orderingKey } of entry.jobs) {
      if (orderingKey === undefined || !hasTurn(state)) continue;
      const key = `${queue} ${orderingKey}`;
      const other = turns.get(key);
      if (other !== undefined) report(`${id} and ${other} of key ${key} both have the turn`);
      turns.set(key, id);
    }
  },
};

function hasTurn(state: JobState | null): boolean {
  return state === "queued" || state === "scheduled" || state === "active";
}

function turnIsTaken(job: JobFacts, to: JobState, other: JobFacts): string | undefined {
  if (hasTurn(other.state)) return `${other.id} is ${other.state}`;
  // A job retried by an operator comes after the reserved ones. Only reserved jobs start while they are blocked.
  if (job.state === "blocked" && to === "active" && other.retriesRequested > 0) return undefined;
  // Order is known only between jobs of one sender.
  if (other.sender !== job.sender || other.order > job.order || other.removalRequested) return undefined;
  if (other.state !== null && !isTerminal(other.state)) return `${other.id}, sent earlier, is ${other.state}`;
  const holds = other.state === "failed" && other.sent.ordering?.onFailure === "hold";
  return holds ? `${other.id}, sent earlier, failed and holds the key` : undefined;
}
