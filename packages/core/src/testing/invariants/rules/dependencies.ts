import type { JobEdges } from "../../../engine/inspect.ts";
import type { Dependency, JobRecord } from "../../../engine/job.ts";
import { isTerminal } from "../../../engine/state-machine.ts";
import type { HistoryFacts, JobFacts } from "../job-facts.ts";
import type { Report, Rule } from "../rule.ts";

/** A dependent starts only after each dependency has ended in a way that its policy accepts. */
export const dependentsWait: Rule = {
  name: "no dependent starts early",
  check(entry, facts, report) {
    if (entry.type === "event" && entry.event.type === "active") {
      const job = facts.jobs.get(entry.event.id);
      for (const dependency of job ? withoutRepeats(job, facts) : []) {
        const problem = startedEarly(dependency, job!.retriesRequested > 0, facts);
        if (problem) report(`${job!.id} started, though ${problem}`);
      }
    }
    if (entry.type !== "snapshot") return;
    const stored = new Map(entry.jobs.map((job) => [job.id, job]));
    for (const record of entry.jobs) {
      checkInstants(record, stored, report);
      const edges = entry.edges[record.id];
      if (edges) edgesMatchState(record, edges, facts, report);
    }
  },
};

/** The first of several edges to one job counts. */
function withoutRepeats({ sent }: JobFacts, facts: HistoryFacts): readonly Dependency[] {
  const first = new Map<unknown, Dependency>();
  for (const dependency of sent.dependsOn) {
    const job = facts.resolve(dependency.job);
    if (!first.has(job)) first.set(job, dependency);
  }
  return [...first.values()];
}

function startedEarly(
  { job: id, onFailure }: Dependency,
  wasRetried: boolean,
  facts: HistoryFacts,
): string | undefined {
  const dependency = facts.resolve(id);
  if (!dependency || dependency.hasCompleted) return undefined;
  if (onFailure === "run" && (dependency.hasEnded || dependency.removalRequested)) return undefined;
  // After an operator's retry, a dependency that isn't stored counts as satisfied.
  if (wasRetried && (dependency.isRemoved || dependency.hasEnded)) return undefined;
  return `${dependency.id} is ${dependency.state} and has never completed`;
}

/** The same rule by the engine's timestamps, without events. */
function checkInstants(record: JobRecord, stored: ReadonlyMap<string, JobRecord>, report: Report): void {
  if (record.startedAt === undefined) return;
  for (const { job: id, onFailure } of record.dependsOn) {
    const dependency = stored.get(id);
    if (onFailure === "run" || dependency?.state !== "completed") continue;
    if (dependency.finishedAt! > record.startedAt) {
      report(`${record.id} started at ${record.startedAt}, ${id} completed at ${dependency.finishedAt}`);
    }
  }
}

/** A job is blocked if and only if its edges say why. */
function edgesMatchState(record: JobRecord, edges: JobEdges, facts: HistoryFacts, report: Report): void {
  const pending = edges.dependencies.filter((edge) => edge.pending);
  const waits = pending.length > 0 || edges.behind !== undefined;
  if (waits !== (record.state === "blocked")) {
    report(`${record.id} is ${record.state}, and its edges say ${JSON.stringify(edges)}`);
  }
  for (const { job: id, state, onFailure, undecided = false } of pending) {
    const isHeld =
      onFailure === "hold" || (onFailure === "cancel" && facts.jobs.get(record.id)!.retriesRequested > 0);
    const mayPend = state !== null && (undecided || !isTerminal(state) || (state !== "completed" && isHeld));
    if (!mayPend) report(`${record.id} still waits for ${id}, which is ${state}, with policy ${onFailure}`);
  }
}
