/** A producer of the suite: sends jobs, and resends each with the same id until it is acknowledged. */
import { setTimeout as pause } from "node:timers/promises";
import { createQueue, isQueueError } from "@org/queue";
import { HistoryFile } from "../history/history-file.ts";
import { historyObserver } from "../history/history-observer.ts";
import { observeEngine } from "../history/observe-engine.ts";
import { registry, step } from "../messages.ts";
import { monotonic } from "../monotonic.ts";
import { Random } from "../random.ts";
import { connect, onCommand, readConfig, report } from "./program.ts";
import type { ProducerCommand, ProducerConfig, ProducerReport } from "./protocol.ts";
import { nextSpec, type SendSpec } from "./send-specs.ts";

/** Milliseconds between a rejected send and the next try. */
const RETRY_PAUSE = 50;

const config = readConfig<ProducerConfig>();
const tell: (line: ProducerReport) => void = report;
const random = new Random(config.seed);
const engine = observeEngine(connect(config), historyObserver(config.name, new HistoryFile(config.history)));
const queue = createQueue({ registry, engine });
let isStopping = false;

onCommand<ProducerCommand>(({ command }) => {
  if (command === "start") void run();
  else isStopping = true;
});
tell({ type: "ready" });

async function run(): Promise<void> {
  const counts = await Promise.all(Array.from({ length: config.lanes }, (_, index) => runLane(index)));
  tell({ type: "done", sent: counts.reduce((sum, count) => sum + count, 0) });
}

async function runLane(index: number): Promise<number> {
  const lane = `${config.name}-${index}`;
  const choices = random.fork(lane);
  const sent: string[] = [];
  for (let number = 0; number < config.jobs && !isStopping; number++) {
    const spec = nextSpec(config, choices, `${lane}-${number}`, lane, sent.slice(-20));
    await sendUntilAcknowledged(spec);
    sent.push(spec.options.id);
    tell({ type: "sent", id: spec.options.id, at: monotonic() });
    if (config.pace > 0) await pause(config.pace);
  }
  return sent.length;
}

async function sendUntilAcknowledged({ data, options }: SendSpec): Promise<void> {
  for (;;) {
    try {
      await queue.send(step, data, options);
      return;
    } catch (error) {
      if (!isQueueError(error)) throw error;
      tell({ type: "refused", id: options.id, code: error.code, retryable: error.retryable });
      if (!error.retryable) throw error;
      await pause(RETRY_PAUSE);
    }
  }
}
