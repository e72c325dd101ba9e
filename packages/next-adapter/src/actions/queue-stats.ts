import { type Activity, QueueError, type StateCounts } from "@org/queue";
import type { JobGateway } from "../gateway/job-gateway.ts";
import type { ReportGateway } from "../gateway/report-gateway.ts";
import type { PublicJob } from "../protocol/public-job.ts";

/** What `getQueueStats` returns. */
export interface QueueStatsData {
  /** Jobs of all queues, by state. */
  readonly totals: StateCounts;
  readonly queues: readonly {
    readonly queue: string;
    readonly paused: boolean;
    readonly states: StateCounts;
    /** Milliseconds that the longest waiting job has been ready for. */
    readonly oldestWaiting?: number;
    /** What happened in the last five minutes. */
    readonly recent: Activity;
  }[];
  /** The newest first, if they were asked for. */
  readonly jobs?: readonly PublicJob[];
}

/** @throws {Refusal}; {QueueError} `INVALID_OPTIONS`. */
export async function readQueueStats(
  { reports, jobs }: { readonly reports: ReportGateway; readonly jobs: JobGateway },
  includeJobs: boolean,
  limit: unknown,
): Promise<QueueStatsData> {
  if (!Number.isInteger(limit) || Number(limit) < 1 || Number(limit) > 100) {
    throw new QueueError("INVALID_OPTIONS", "getQueueStats: limit must be a whole number from 1 to 100.");
  }
  const { queues } = await reports.stats();
  const page = includeJobs ? await jobs.list({}, { limit: Number(limit) }) : undefined;
  return {
    totals: sum(queues.map(({ states }) => states)),
    queues: queues.map(({ queue, paused, states, oldestWaiting, recent }) => ({
      queue,
      paused,
      states,
      ...(oldestWaiting !== undefined && { oldestWaiting }),
      recent,
    })),
    ...(page && { jobs: page.jobs }),
  };
}

function sum(counts: readonly StateCounts[]): StateCounts {
  const totals = { blocked: 0, scheduled: 0, queued: 0, active: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const states of counts) {
    for (const state of Object.keys(totals) as (keyof StateCounts)[]) totals[state] += states[state];
  }
  return totals;
}
