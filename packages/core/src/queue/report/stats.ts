import type { Registry } from "../../contract/registry.ts";
import type { Engine } from "../../engine/engine.ts";
import { facetOf } from "../../engine/facet.ts";
import type { MetricsBucket, QueueCounts } from "../../engine/queues.ts";
import { JOB_STATES, type JobState } from "../../engine/state-machine.ts";
import type { Clock } from "../../timing/clock.ts";

export type StateCounts = Readonly<Record<JobState, number>>;

export interface QueueStats {
  readonly queue: string;
  readonly paused: boolean;
  /** Jobs stored now, by state. Finished ones count until retention trims them. */
  readonly states: StateCounts;
  /**
   * Milliseconds since the longest waiting queued job could run; absent when none is queued. Among jobs that were
   * delayed, depended on others or are queued again, only the one that was sent first may count.
   */
  readonly oldestWaiting?: number;
  readonly recent: Activity;
  /** With `byMessage`: the messages with recent activity, by name. */
  readonly messages?: readonly MessageStats[];
}

export interface MessageStats {
  /** Absent for messages beyond the number that the engine counts apart. */
  readonly message?: string;
  readonly recent: Activity;
}

/** What happened in the last `RECENT_MINUTES` minutes. */
export interface Activity {
  readonly sent: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly retried: number;
  readonly stalled: number;
  /** Jobs that completed, failed or were cancelled, per second. */
  readonly endedPerSecond: number;
  readonly sentPerSecond: number;
  /** Failed among completed and failed, 0 to 1; 0 without any. */
  readonly failureRate: number;
}

export interface Stats {
  readonly at: Date;
  /** The first instant that `recent` covers. */
  readonly since: Date;
  /** Of the registry, and of any other queue that the engine has seen; by name. */
  readonly queues: readonly QueueStats[];
  readonly totals: { readonly states: StateCounts; readonly recent: Activity };
}

/** How far back `recent` reaches: this minute and the four before it. */
export const RECENT_MINUTES = 5;
const MINUTE = 60_000;

const COUNTED = ["sent", "completed", "failed", "cancelled", "retried", "stalled"] as const;

export async function readStats(
  engine: Engine,
  registry: Registry,
  clock: Clock,
  { byMessage = false }: { readonly byMessage?: boolean } = {},
): Promise<Stats> {
  const now = clock.now();
  const since = recentSince(now);
  const [counts, buckets] = await Promise.all([
    facetOf(engine, "queues").counts(),
    facetOf(engine, "queues").metrics({ since }),
  ]);
  return toStats(counts, buckets, { registry, now, byMessage });
}

/** The first instant that recent activity covers. */
function recentSince(now: number): number {
  return (Math.floor(now / MINUTE) - RECENT_MINUTES + 1) * MINUTE;
}

function toStats(
  counts: readonly QueueCounts[],
  buckets: readonly MetricsBucket[],
  {
    registry,
    now,
    byMessage,
  }: { readonly registry: Registry; readonly now: number; readonly byMessage: boolean },
): Stats {
  const since = recentSince(now);
  const seconds = Math.max(1, (now - since) / 1_000);
  const names = new Set([...registry.queues, ...counts.map(({ queue }) => queue)]);
  const queues = [...names].sort().map((queue): QueueStats => {
    const entry = counts.find((candidate) => candidate.queue === queue);
    const own = buckets.filter((bucket) => bucket.queue === queue);
    return {
      queue,
      paused: entry?.paused ?? false,
      states: entry?.states ?? sumStates([]),
      ...(entry?.oldestWaiting !== undefined && { oldestWaiting: entry.oldestWaiting }),
      recent: toActivity(own, seconds),
      ...(byMessage && { messages: toMessageStats(own, seconds) }),
    };
  });
  const states = sumStates(queues.map((entry) => entry.states));
  return {
    at: new Date(now),
    since: new Date(since),
    queues,
    totals: { states, recent: toActivity(buckets, seconds) },
  };
}

function toMessageStats(buckets: readonly MetricsBucket[], seconds: number): readonly MessageStats[] {
  const messages = [...new Set(buckets.map(({ message = "" }) => message))].sort();
  return messages.map((name) => ({
    ...(name !== "" && { message: name }),
    recent: toActivity(
      buckets.filter(({ message = "" }) => message === name),
      seconds,
    ),
  }));
}

function sumStates(all: readonly StateCounts[]): StateCounts {
  const sum = (state: JobState) => all.reduce((total, states) => total + states[state], 0);
  return Object.fromEntries(JOB_STATES.map((state) => [state, sum(state)])) as StateCounts;
}

function toActivity(buckets: readonly MetricsBucket[], seconds: number): Activity {
  const total = { sent: 0, completed: 0, failed: 0, cancelled: 0, retried: 0, stalled: 0 };
  for (const bucket of buckets) for (const name of COUNTED) total[name] += bucket[name];
  const decided = total.completed + total.failed;
  return {
    ...total,
    endedPerSecond: (decided + total.cancelled) / seconds,
    sentPerSecond: total.sent / seconds,
    failureRate: decided === 0 ? 0 : total.failed / decided,
  };
}
