/** A worker of the soak: runs small jobs and writes a compact ledger. */
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createQueue, createWorker } from "@org/queue";
import { observeEngine } from "../history/observe-engine.ts";
import { ledgerObserver } from "../soak/ledger.ts";
import { soakRegistry, soakStep } from "../soak/messages.ts";
import { connect, onCommand, readConfig, report } from "./program.ts";
import type { SoakCommand, SoakReport, SoakWorkerConfig } from "./protocol.ts";

const config = readConfig<SoakWorkerConfig>();
const tell: (line: SoakReport) => void = report;
const engine = observeEngine(connect(config), ledgerObserver(config.history));
const queue = createQueue({ registry: soakRegistry, engine });
const nothing = () => {};
/** How often to report the heap. Resident memory depends on the garbage collector. */
const HEAP_INTERVAL = 5_000;
setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");
const worker = createWorker(queue, {
  concurrency: config.concurrency,
  lease: config.lease,
  pollInterval: "1s",
  maintenanceInterval: "1s",
  // Failures are expected in a soak.
  logger: { warn: nothing, error: nothing },
}).handle(soakStep, ({ data, job }) => {
  const { failures = 0, sleep = 0 } = data;
  if (job.attempt <= failures) throw new Error("It fails, as requested");
  return sleep > 0 ? pause(sleep, undefined) : undefined;
});

onCommand<SoakCommand>(async ({ command }) => {
  if (command === "start") return worker.start();
  await worker.stop();
  await queue.close();
  tell({ type: "stopped" });
  process.exit();
});
setInterval(() => {
  collectGarbage();
  tell({ type: "heap", bytes: process.memoryUsage().heapUsed });
}, HEAP_INTERVAL).unref();
tell({ type: "ready" });
