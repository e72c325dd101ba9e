import { createWorker, isTerminal, type JobState } from "@org/queue";
import type { QueueCounts } from "@org/queue/engine";
import { HistoryFile } from "../history/history-file.ts";
import { step } from "../messages.ts";
import type { Stage } from "../stage/stage.ts";
import { eventually } from "../stage/until.ts";
import { stepHandler } from "../step-handler.ts";

const DRAIN_TIMEOUT = 30_000;

/** Runs all remaining jobs on a healthy worker without faults. */
export async function drain(stage: Stage): Promise<void> {
  const file = new HistoryFile(stage.newHistory("auditor"));
  const nothing = () => {};
  const worker = createWorker(stage.queue, {
    concurrency: 50,
    pollInterval: 50,
    maintenanceInterval: 50,
    logger: { warn: nothing, error: nothing },
  }).handle(
    step,
    stepHandler({
      by: "auditor",
      file,
      onBegin: nothing,
      onAbort: nothing,
      onOver: nothing,
      wait: async () => {},
    }),
  );
  await worker.start();
  try {
    await eventually(DRAIN_TIMEOUT, "end of the remaining jobs", async () => {
      return unfinished(await stage.engine.queues.counts()) === 0;
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${JSON.stringify(await stage.engine.queues.counts())}`);
  } finally {
    await worker.stop();
    file.close();
  }
}

export function unfinished(counts: readonly QueueCounts[]): number {
  let sum = 0;
  for (const { states } of counts) {
    for (const [state, count] of Object.entries(states)) if (!isTerminal(state as JobState)) sum += count;
  }
  return sum;
}
