import type { NewJob } from "@org/queue/engine";
import type { Line } from "../history/line.ts";

/** Times of one job, on the clock that the processes share. */
export interface JobTimes {
  readonly sent: NewJob;
  readonly sender: string;
  /** When the replies to its claims arrived. The claims happened earlier. */
  readonly claims: { readonly at: number; readonly isReserved: boolean }[];
  /** When its handlers started and finished, by epoch. */
  readonly started: Map<number, number>;
  readonly finished: Map<number, number>;
  /** When its endings were sent, by epoch. They were stored later. `retry` isn't an ending. */
  readonly endings: Map<number, { readonly at: number; readonly outcome: string }>;
  /** Epochs whose ending was accepted. */
  readonly accepted: Set<number>;
}

/** Groups the lines of a history by job. */
export function timesByJob(lines: readonly Line[]): ReadonlyMap<string, JobTimes> {
  const jobs = new Map<string, JobTimes>();
  for (const line of lines) {
    if (line.type !== "sending") continue;
    for (const sent of line.jobs) {
      jobs.set(sent.envelope.id, {
        sent,
        sender: line.by,
        claims: [],
        started: new Map(),
        finished: new Map(),
        endings: new Map(),
        accepted: new Set(),
      });
    }
  }
  for (const line of lines) {
    if (line.type === "claimed") {
      for (const { id, follows } of line.jobs) {
        jobs.get(id)?.claims.push({ at: line.at, isReserved: follows !== undefined });
      }
    } else if (line.type === "started" || line.type === "finished") {
      jobs.get(line.id)?.[line.type].set(line.epoch, line.at);
    } else if (line.type === "settling") {
      for (const { id, epoch, outcome } of line.outcomes) {
        const job = jobs.get(id);
        // An outcome whose reply was lost is resent. The first one may be the one that was stored.
        if (outcome !== "retry" && !job?.endings.has(epoch))
          job?.endings.set(epoch, { at: line.at, outcome });
      }
    } else if (line.type === "settled" && line.verdict === "accepted" && line.outcome !== "retry") {
      jobs.get(line.id)?.accepted.add(line.epoch);
    }
  }
  return jobs;
}

/** The earliest time at which the job can have ended, if its ending is known. */
export function earliestEnd(job: JobTimes, outcome?: "complete"): number | undefined {
  const wanted = [...job.endings].filter(([, ending]) => !outcome || ending.outcome === outcome);
  const accepted = wanted.filter(([epoch]) => job.accepted.has(epoch));
  // If the reply was lost, any of them may be the one that was stored.
  const candidates = accepted.length > 0 ? accepted : wanted;
  return candidates.length === 0 ? undefined : Math.min(...candidates.map(([, { at }]) => at));
}
