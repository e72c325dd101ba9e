import { type Handler, isQueueError } from "@org/queue";
import type { HistoryFile } from "./history/history-file.ts";
import type { step } from "./messages.ts";
import { monotonic } from "./monotonic.ts";

/** The worker's part in handling a `step`. */
interface StepWorker {
  readonly by: string;
  readonly file: HistoryFile;
  readonly onBegin: (id: string, epoch: number) => void;
  readonly onAbort: (id: string, epoch: number, reason: unknown) => void;
  readonly onOver: (id: string, epoch: number) => void;
  /** Resolves when a waiting handler may continue. */
  readonly wait: (id: string, signal: AbortSignal) => Promise<void>;
}

/** Does the work in the data of a `step`, and records its times. */
export function stepHandler(worker: StepWorker): Handler<typeof step> {
  const { by, file } = worker;
  return async ({ data, job, fence, signal, progress }) => {
    file.write({ type: "started", by, id: job.id, epoch: fence });
    worker.onBegin(job.id, fence);
    signal.addEventListener("abort", () => worker.onAbort(job.id, fence, signal.reason));
    try {
      if (job.attempt <= (data.failures ?? 0)) throw new Error(`Attempt ${job.attempt} fails, as requested`);
      const { work, milliseconds = 0 } = data;
      if (work === "wait") {
        progress({ by });
        await worker.wait(job.id, signal);
      } else if (work === "sleep") await sleep(milliseconds, signal);
      // Only in the first attempt, so that the next one succeeds.
      else if (work === "spin" && job.stalls === 0) spin(milliseconds);
      else if (work === "fail") throw new Error("It fails, as requested");
      return { by, fence };
    } finally {
      file.write({ type: "finished", by, id: job.id, epoch: fence });
      worker.onOver(job.id, fence);
    }
  };
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** Blocks the event loop, like a careless handler. */
function spin(milliseconds: number): void {
  const end = monotonic() + milliseconds;
  while (monotonic() < end);
}

export function codeOf(reason: unknown): string {
  return isQueueError(reason) ? reason.code : String(reason);
}
