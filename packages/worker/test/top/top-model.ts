import { JOB_STATES, type QueueStats, type StateCounts, type WorkerSnapshot } from "@org/queue";
import type { TopModel } from "../../src/cli/top/model.ts";

const NOW = new Date("2026-11-30T12:00:00Z");
const recent = {
  sent: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  retried: 0,
  stalled: 0,
  endedPerSecond: 0,
  sentPerSecond: 0,
  failureRate: 0,
};

export function states(changes: Partial<StateCounts> = {}): StateCounts {
  return { ...(Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as StateCounts), ...changes };
}

export function queueStats(queue: string, changes: Partial<QueueStats> = {}): QueueStats {
  return { queue, paused: false, states: states(), recent, ...changes };
}

export function workerSnapshot(process: number, changes: Partial<WorkerSnapshot> = {}): WorkerSnapshot {
  return {
    id: `worker-${process}`,
    name: `web-1:${process}`,
    host: "web-1",
    process,
    version: "1.0.0",
    queues: ["mail", "reports"],
    handles: [{ message: "EMAIL", version: 1 }],
    concurrency: 10,
    startedAt: ago(7_500_000),
    seenAt: ago(1_000),
    quiet: false,
    running: 4,
    attempts: [{ id: "job-1", since: ago(95_000) }],
    ...changes,
  };
}

export function ago(milliseconds: number): Date {
  return new Date(NOW.getTime() - milliseconds);
}

/** What is read of a system with nothing in it. */
export const emptyModel: TopModel = {
  at: NOW,
  queues: [],
  states: states(),
  workers: [],
  running: [],
  failures: [],
  rates: { rate: () => 0, ended: () => 0, bars: (_, count) => Array.from({ length: count }, () => 0) },
};

export const busyModel: TopModel = {
  ...emptyModel,
  queues: [
    queueStats("mail", {
      states: states({ queued: 1_203, active: 7, scheduled: 2, failed: 13 }),
      oldestWaiting: 125_000,
    }),
    queueStats("reports", { paused: true, states: states({ queued: 9, blocked: 1 }), oldestWaiting: 3_000 }),
    queueStats("workouts"),
  ],
  states: states({ queued: 1_212, active: 7, failed: 13 }),
  workers: [
    workerSnapshot(4711),
    workerSnapshot(4712, { name: "mailer", quiet: true, running: 0, attempts: [] }),
  ],
  running: [
    {
      id: "01jdy1k3v7e8m2n4p6q8r0s2",
      since: ago(95_000),
      worker: "web-1:4711",
      messageType: "EMAIL",
      queue: "mail",
    },
    { id: "01jdy1k3v7e8m2n4p6q8r0s3", since: ago(300), worker: "web-1:4711" },
  ],
  failures: [
    {
      id: "01jdy1k3v7e8m2n4p6q8r0s4",
      at: ago(4_200),
      messageType: "EMAIL",
      queue: "mail",
      error: "connect ECONNREFUSED 10.0.0.1:587 \u001b[2J\u202e 名前 e\u0301\nsecond line",
    },
    { id: "odd", at: ago(60_000), messageType: "名前名前名前", queue: "名", error: "" },
  ],
  rates: {
    rate: (name) => ({ completed: 312, failed: 1.5, retried: 0 })[name],
    ended: (queue) => (queue === "mail" ? 313.5 : 0),
    bars: (name, count) => Array.from({ length: count }, (_, index) => (name === "retried" ? 0 : index % 9)),
  },
};
