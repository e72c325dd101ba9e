import { setTimeout as pause } from "node:timers/promises";
import { redisEngine } from "@org/queue/redis";
import { unfinished } from "../audit/drain.ts";
import type { Random } from "../random.ts";
import { eventually } from "../stage/until.ts";
import { FaultPlan } from "./faults.ts";
import { Samples, type Trend } from "./samples.ts";
import { auditSoak, type SoakVerdict } from "./soak-audit.ts";
import { SOAK_NAMESPACE, SoakStage } from "./soak-stage.ts";

export interface SoakOptions {
  readonly minutes: number;
  readonly workers: number;
  /** Jobs per second. */
  readonly rate: number;
  readonly random: Random;
  /** Ends the soak early, with drain and audits. */
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

export interface SoakResult extends SoakVerdict {
  readonly seed: number;
  readonly seconds: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly trends: readonly Trend[];
  /** Seconds from the last fault until nothing was left to run. */
  readonly drainSeconds: number;
}

const SAMPLE_INTERVAL = 2_000;
const FAULT_INTERVAL = { min: 1_000, max: 4_000 };
const DRAIN_TIMEOUT = 180_000;

/** Runs load with faults, then drains and audits. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { minutes, random, signal, progress } = options;
  const stage = await SoakStage.open({ ...options, producers: 2 });
  const samples = new Samples();
  const sampling = setInterval(() => void samples.take(stage), SAMPLE_INTERVAL);
  const since = performance.now();
  const elapsed = () => (performance.now() - since) / 1_000;
  try {
    const plan = new FaultPlan();
    while (!signal.aborted && elapsed() < minutes * 60) {
      await pauseBetweenFaults(random.between(FAULT_INTERVAL.min, FAULT_INTERVAL.max), signal);
      const fault = await plan.injectNext(stage);
      assertAlive(stage);
      progress(`${elapsed().toFixed(0)} s, ${sentSoFar(stage)} jobs sent, last fault: ${fault}`);
    }
    const drainSince = performance.now();
    await drainSoak(stage, progress);
    const drainSeconds = Math.round((performance.now() - drainSince) / 100) / 10;
    await samples.take(stage);
    clearInterval(sampling);
    for (const { program } of stage.workers) program.send({ command: "stop" });
    await Promise.all(stage.workers.map(({ program }) => program.gone));
    progress("audit");
    const verdict = await auditSoak(stage);
    const seconds = Math.round(elapsed());
    const faults = Object.fromEntries(plan.struck);
    return { ...verdict, seed: random.seed, seconds, faults, trends: samples.trends(), drainSeconds };
  } finally {
    clearInterval(sampling);
    await stage.close();
  }
}

/** Waits between two faults. Ctrl-C ends the wait. */
async function pauseBetweenFaults(milliseconds: number, signal: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { signal }).catch(() => undefined);
}

/** Stops sending, and runs all jobs to their end. */
async function drainSoak(stage: SoakStage, progress: (line: string) => void): Promise<void> {
  for (const { program } of stage.producers) program.send({ command: "stop" });
  await Promise.all(stage.producers.map(({ program }) => program.until("done", () => true, DRAIN_TIMEOUT)));
  progress("drain");
  const engine = redisEngine({ url: stage.redis.url, namespace: SOAK_NAMESPACE });
  try {
    await eventually(DRAIN_TIMEOUT, "end of the remaining jobs", async () => {
      return unfinished(await engine.queues.counts()) === 0;
    });
  } finally {
    await engine.core.close();
  }
}

/** A program that exits on its own is a failure, whatever the ledgers say. */
function assertAlive(stage: SoakStage): void {
  for (const { name, program } of [...stage.workers, ...stage.producers]) {
    if (program.hasEnded) throw new Error(`${name} exited unexpectedly. ${program.errors}`);
  }
}

function sentSoFar(stage: SoakStage): number {
  let sum = 0;
  for (const { program } of stage.producers) {
    const last = program.reports.findLast((report) => report.type === "progress");
    if (last?.type === "progress") sum += last.sent;
  }
  return sum;
}
