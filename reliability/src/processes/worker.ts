/** A worker of the suite: runs steps, reports their progress, and kills itself at the configured point. */

import { createQueue, createWorker } from "@org/queue";
import type { CompleteEngine, Lease } from "@org/queue/engine";
import { HistoryFile } from "../history/history-file.ts";
import { historyObserver } from "../history/history-observer.ts";
import { type EngineObserver, observeEngine } from "../history/observe-engine.ts";
import { registry, step } from "../messages.ts";
import { monotonic } from "../monotonic.ts";
import { codeOf, stepHandler } from "../step-handler.ts";
import { connect, onCommand, readConfig, report } from "./program.ts";
import type { DeathPoint, WorkerCommand, WorkerConfig, WorkerReport } from "./protocol.ts";
import { useExpiredLease } from "./use-expired-lease.ts";

const config = readConfig<WorkerConfig>();
const tell: (line: WorkerReport) => void = report;
const file = new HistoryFile(config.history);
const waiting = new Map<string, () => void>();
/** The token of each job's latest claim by this worker. */
const tokens = new Map<string, string>();

const plainEngine = connect(config);
const engine: CompleteEngine = observeEngine(plainEngine, historyObserver(config.name, file), reporter());
const queue = createQueue({ registry, engine });
const worker = createWorker(queue, {
  concurrency: config.concurrency,
  lease: config.lease,
  pollInterval: config.pollInterval,
  maintenanceInterval: config.maintenanceInterval,
  logger: { warn: reportFailure, error: reportFailure },
}).handle(
  step,
  stepHandler({
    by: config.name,
    file,
    onBegin(id, epoch) {
      tell({ type: "started", id, epoch, at: monotonic() });
      dieAt("started", [id]);
    },
    onAbort: (id, epoch, reason) => report({ type: "aborted", id, epoch, code: codeOf(reason) }),
    onOver: (id, epoch) => tell({ type: "finished", id, epoch }),
    wait: (id, signal) =>
      new Promise((resolve, reject) => {
        waiting.set(id, resolve);
        if (!config.ignoresSignals) signal.addEventListener("abort", () => reject(signal.reason));
      }),
  }),
);

onCommand<WorkerCommand>((command) => void execute(command));
tell({ type: "ready" });

async function execute(command: WorkerCommand): Promise<void> {
  switch (command.command) {
    case "start":
      await worker.start();
      break;
    case "finish":
      waiting.get(command.id)?.();
      break;
    case "use-expired-lease":
      tell({ type: "late", ...(await useExpiredLease(plainEngine, leaseOf(command), config.lease)) });
      break;
    case "stop":
      await worker.stop();
      await queue.close();
      tell({ type: "stopped" });
      process.exit();
  }
}

/** Reports the worker's calls to its engine, and kills it at the configured point. */
function reporter(): EngineObserver {
  return {
    claimed(jobs) {
      for (const { id, token } of jobs) tokens.set(id, token);
      dieAt("claimed", idsOf(jobs));
    },
    settling(outcomes) {
      tell({ type: "settling", ids: idsOf(outcomes) });
      dieAt("settling", idsOf(outcomes));
    },
    settled(outcomes, verdicts) {
      outcomes.forEach(({ id, epoch, type }, index) => {
        tell({ type: "settled", id, epoch, outcome: type, verdict: verdicts[index]! });
      });
    },
    extended(leases, replies) {
      leases.forEach(({ id, epoch }, index) => {
        tell({ type: "extended", id, epoch, status: replies[index]!.status });
      });
    },
  };
}

function leaseOf({ id, epoch }: { readonly id: string; readonly epoch: number }): Lease {
  return { id, epoch, token: tokens.get(id) ?? "" };
}

function dieAt(point: DeathPoint, ids: readonly string[]): void {
  const { death } = config;
  // A signal to the own process is delivered before the call returns.
  if (death?.point === point && ids.includes(death.job)) process.kill(process.pid, "SIGKILL");
}

function idsOf(jobs: readonly { readonly id: string }[]): readonly string[] {
  return jobs.map(({ id }) => id);
}

function reportFailure(message: string, error?: unknown): void {
  tell({ type: "trouble", message: error === undefined ? message : `${message} ${error}` });
}
