import { type Handler, isQueueError } from "@org/queue";
import type { HistoryFile } from "./history/history-file.ts";
import type { step } from "./messages.ts";
import { monotonic } from "./monotonic.ts";

/** What a worker adds to the work that the data asks for. */
interface StepWorker {
  readonly by: string;
  readonly file: HistoryFile;
  readonly onBegin: (id: string, epoch: number) => void;
  readonly onAbort: (id: string, epoch: number, reason: unknown) => void;
  readonly onOver: (id: string, epoch: number) => void;
  /** Resolves when a handler that waits may go on. */
  readonly wait: (id: string, signal: AbortSignal) => Promise<void>;
}

/** Does what the data of a `step` says, and records when. */
export function stepHandler(worker: StepWorker): Handler<typeof step> {
  const { by, file } = worker;
  return async ({ data, job, fence, signal, progress }) => {
    file.write({ type: "started", by, id: job.id, epoch: fence });
    worker.onBegin(job.id, fence);
    signal.addEventListener("abort", () => worker.onAbort(job.id, fence, signal.reason));
    try {
      if (job.attempt <= (data.failures ?? 0))
        throw new Error(`Attempt ${job.attempt} fails, as was requested`);
      const { work, milliseconds = 0 } = data;
      if (work === "wait") {
        progress({ by });
        await worker.wait(job.id, signal);
      } else if (work === "sleep") await sleep(milliseconds, signal);
      // Once: the successor must get through.
      else if (work === "spin" && job.stalls === 0) spin(milliseconds);
      else if (work === "fail") throw new Error("It fails, as was asked");
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

/** Blocks the event loop, as a careless handler does. */
function spin(milliseconds: number): void {
  const end = monotonic() + milliseconds;
  while (monotonic() < end);
}

export function codeOf(reason: unknown): string {
  return isQueueError(reason) ? reason.code : String(reason);
}
