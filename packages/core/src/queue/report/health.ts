import type { Registry } from "../../contract/registry.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Damage, EngineMemory, HealthReport } from "../../engine/health-report.ts";
import { sentence } from "../../errors/sentence.ts";
import { messageOf } from "../../errors/thrown.ts";
import type { Clock } from "../../timing/clock.ts";
import { type LiveWorkers, missingWorkers, movedRemedy, readLiveWorkers } from "./missing-workers.ts";
import { type QueueStats, RECENT_MINUTES, readStats } from "./stats.ts";

export type HealthStatus = "healthy" | "warning" | "critical";

export interface QueueHealth {
  /** The worst of the reasons. */
  readonly status: HealthStatus;
  readonly reasons: readonly HealthReason[];
  readonly engine: EngineHealth;
  readonly at: Date;
}

export interface EngineHealth extends Omit<HealthReport, "damage"> {
  /** What was found damaged in the engine's storage in the last hour, the newest hundred. Absent when nothing was. */
  readonly damage?: readonly (Omit<Damage, "at"> & { readonly at: Date })[];
}

/** Something that isn't as it should be, and what to do about it. */
export interface HealthReason {
  readonly status: "warning" | "critical";
  readonly kind:
    | "engine"
    | "read-only"
    | "memory"
    | "eviction"
    | "corrupt"
    | "failures"
    | "stalls"
    | "backlog"
    | "waiting"
    | "unserved"
    | "unhandled"
    | "paused";
  /** Absent when it concerns the engine. */
  readonly queue?: string;
  /** Of `unhandled`: the message that no live worker handles in this version. */
  readonly messageType?: string;
  readonly version?: number;
  readonly text: string;
  readonly remedy: string;
}

/** The limits of `queue.health()`. Rates and counts look at the last five minutes. */
export const HEALTH_THRESHOLDS = Object.freeze({
  /** Share of ended jobs that failed, judged from `minEnded` ended jobs on. */
  failureRate: Object.freeze({ warning: 0.1, critical: 0.5, minEnded: 10 }),
  /** Leases lost by workers that died or froze. */
  stalls: Object.freeze({ warning: 1, critical: 10 }),
  /** Minutes that the queued jobs would take at the recent rate, judged from `minQueued` queued jobs on. */
  backlogMinutes: Object.freeze({ warning: 5, critical: 30, minQueued: 100 }),
  /** Minutes that the longest waiting job of a queue has been ready. */
  oldestWaitingMinutes: Object.freeze({ warning: 15, critical: 60 }),
  /** Share of the server's memory limit that is used. */
  memory: Object.freeze({ warning: 0.8, critical: 0.95 }),
  /** Minutes that jobs have been ready which no live worker handles. */
  unhandledMinutes: Object.freeze({ warning: 0, critical: 5 }),
});

/** Never rejects: an engine that can't be asked is a critical reason. Without figures of queues it judges the engine. */
export async function readHealth(engine: Engine, registry: Registry, clock: Clock): Promise<QueueHealth> {
  const report = await engine.core.health().catch((error: unknown) => unreachable(engine, error));
  const reasons: HealthReason[] = [];
  if (!report.ok) reasons.push(engineReason(report));
  else if (engine.queues) {
    try {
      const { queues } = await readStats(engine, registry, clock);
      const live = await readLiveWorkers(engine, queues);
      reasons.push(...queues.flatMap((stats) => assess(stats, registry.queues.includes(stats.queue), live)));
    } catch (error) {
      reasons.push(engineReason(unreachable(engine, error)));
    }
  }
  if (report.isReadOnly) reasons.push(READ_ONLY);
  if (report.memory) reasons.push(...memoryReasons(report.engine, report.memory));
  if (report.damage) reasons.push(damageReason(report.damage));
  const isCritical = reasons.some(({ status }) => status === "critical");
  return {
    status: isCritical ? "critical" : reasons.length > 0 ? "warning" : "healthy",
    reasons,
    engine: toEngineHealth(report),
    at: new Date(clock.now()),
  };
}

function toEngineHealth({ damage, ...report }: HealthReport): EngineHealth {
  return { ...report, ...(damage && { damage: damage.map((one) => ({ ...one, at: new Date(one.at) })) }) };
}

function unreachable(engine: Engine, error: unknown): HealthReport {
  const problem = messageOf(error);
  return { ok: false, engine: engine.name, latency: 0, problem };
}

function engineReason({ engine, problem }: HealthReport): HealthReason {
  return {
    status: "critical",
    kind: "engine",
    text: `The ${engine} engine can't do its work: ${sentence(problem ?? "it gives no reason")}`,
    remedy: "Mend what it says. Jobs wait meanwhile, and the engine and its workers go on by themselves.",
  };
}

const READ_ONLY: HealthReason = Object.freeze({
  status: "warning",
  kind: "read-only",
  text: "The engine's user may only read, so whether the server accepts writes wasn't checked.",
  remedy: "Nothing, if this process only looks. What sends or runs jobs needs a user who may write.",
});

function memoryReasons(engine: string, { used, max, evicts }: EngineMemory): HealthReason[] {
  if (max === undefined) return [];
  const reasons: HealthReason[] = [];
  const status = grade(used / max, HEALTH_THRESHOLDS.memory);
  if (status !== "healthy") {
    reasons.push({
      status,
      kind: "memory",
      text: `The server of the ${engine} engine uses ${Math.round((100 * used) / max)} % of its memory limit.`,
      remedy:
        "Raise its `maxmemory`, or keep fewer finished jobs: clean them, or lower `retain` of messages.",
    });
  }
  if (evicts) {
    reasons.push({
      status: "warning",
      kind: "eviction",
      text: `The server of the ${engine} engine deletes keys, and with them jobs, when its memory is full.`,
      remedy: "Set its `maxmemory-policy` to noeviction, so that it refuses new jobs instead.",
    });
  }
  return reasons;
}

function damageReason(damage: readonly Damage[]): HealthReason {
  const count = (kind: Damage["kind"]) => damage.filter((one) => one.kind === kind).length;
  const removed = damage.filter(({ kind }) => kind === "removed").map(({ subject }) => subject);
  const named = removed.length === 0 ? "" : ` Jobs removed: ${removed.slice(-5).join(", ")}.`;
  return {
    status: removed.length + count("moved") > 0 ? "critical" : "warning",
    kind: "corrupt",
    text:
      `CORRUPT_JOB: the engine's storage was damaged in the last hour: ${removed.length} unreadable jobs removed, ` +
      `${count("moved")} structures moved aside, ${count("mended")} entries put right.${named}`,
    remedy: "Look for an evicting server or another program in the same database; send lost jobs again.",
  };
}

/** `isOurs`: a message of the registry belongs to the queue. */
function assess(stats: QueueStats, isOurs: boolean, live: LiveWorkers | undefined): HealthReason[] {
  const { queue, paused, states, recent } = stats;
  const found: HealthReason[] = [];
  const report = (kind: HealthReason["kind"], status: HealthStatus, text: string, remedy: string) => {
    if (status !== "healthy") found.push({ status, kind, queue, text, remedy });
  };

  const { failureRate, stalls, backlogMinutes, unhandledMinutes } = HEALTH_THRESHOLDS;
  if (recent.completed + recent.failed >= failureRate.minEnded) {
    report(
      "failures",
      grade(recent.failureRate, failureRate),
      `${Math.round(recent.failureRate * 100)} % of the jobs of ${queue} failed in ${RECENT_MINUTES} minutes.`,
      'Look at `queue.list({ state: "failed" })`, mend the cause, then retry them.',
    );
  }
  report(
    "stalls",
    grade(recent.stalled, stalls),
    `Workers lost ${recent.stalled.toLocaleString("en")} jobs of ${queue} in ${RECENT_MINUTES} minutes.`,
    "Look for crashes, out-of-memory kills and blocked event loops in the workers.",
  );
  if (paused && states.queued > 0) {
    report(
      "paused",
      "warning",
      `${queue} is paused with ${states.queued.toLocaleString("en")} ${states.queued === 1 ? "job" : "jobs"} waiting.`,
      "Resume it when ready.",
    );
  }
  if (paused) return found;
  const missing = live
    ? missingWorkers(stats, live, { isOurs, criticalMinutes: unhandledMinutes.critical })
    : [];
  found.push(...missing);
  const [kind, status, ...texts] = assessBacklog(stats, backlogMinutes, live !== undefined);
  if (!live && !isOurs && states.queued > 0 && states.active === 0) {
    report(
      "unserved",
      kind === "unserved" ? status : "warning",
      `${states.queued.toLocaleString("en")} jobs of ${queue} wait, none runs, and no message of this registry belongs to that queue.`,
      movedRemedy(queue),
    );
  } else if (missing.length === 0) report(kind, status, ...texts);
  else if (kind === "backlog") report(kind, status, texts[0], BACKLOG_WITH_UNHANDLED);
  if (missing.length === 0 && found.every((reason) => reason.kind !== kind))
    found.push(...waitingReasons(stats));
  return found;
}

/** The engine doesn't count the jobs of each message. */
const BACKLOG_WITH_UNHANDLED =
  "This includes the jobs that no live worker handles: let workers handle those first. Only if the backlog stays, add " +
  "workers or concurrency.";

function waitingReasons({ queue, oldestWaiting = 0 }: QueueStats): HealthReason[] {
  const minutes = oldestWaiting / 60_000;
  const status = grade(minutes, HEALTH_THRESHOLDS.oldestWaitingMinutes);
  if (status === "healthy") return [];
  return [
    {
      status,
      kind: "waiting",
      queue,
      text: `The longest waiting job of ${queue} has been ready for ${Math.round(minutes)} minutes.`,
      remedy: "Add workers or concurrency, or look for urgent jobs that keep the others waiting.",
    },
  ];
}

function assessBacklog(
  { queue, states, recent }: QueueStats,
  limits: (typeof HEALTH_THRESHOLDS)["backlogMinutes"],
  hasWorkers: boolean,
): [HealthReason["kind"], HealthStatus, string, string] {
  const { queued, active } = states;
  // Jobs older than the recent minutes are there when more are queued than were made ready in them.
  const hasOld = queued > recent.sent + recent.retried + recent.stalled;
  if (active === 0 && recent.endedPerSecond === 0 && hasOld) {
    return [
      "unserved",
      "critical",
      `${queued.toLocaleString("en")} jobs of ${queue} wait, none runs, and none ended in ${RECENT_MINUTES} minutes.`,
      hasWorkers
        ? "Live workers serve this queue and start nothing: look at what they log."
        : "Start a worker that serves this queue.",
    ];
  }
  const minutes =
    recent.endedPerSecond === 0 || queued < limits.minQueued ? 0 : queued / recent.endedPerSecond / 60;
  return [
    "backlog",
    grade(minutes, limits),
    `${queued.toLocaleString("en")} jobs of ${queue} wait: ${Math.round(minutes).toLocaleString("en")} minutes of work at the recent rate.`,
    "Add workers or concurrency, or look for handlers that became slow.",
  ];
}

function grade(value: number, limits: { readonly warning: number; readonly critical: number }): HealthStatus {
  if (value >= limits.critical) return "critical";
  return value >= limits.warning ? "warning" : "healthy";
}
