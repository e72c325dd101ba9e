import { Worker } from "node:worker_threads";
import { now } from "./monotonic.ts";

/** Time for the thread to start. */
const LEAD_MS = 150;

/**
 * Calls `act` for `count` events at a steady rate, whatever happens to them (open loop). `act` gets the event's number
 * and its intended time. A thread keeps the time, because timers have a resolution of a millisecond. Resolves after the
 * last call.
 */
export async function pace(
  perSecond: number,
  count: number,
  act: (index: number, intended: number) => void,
): Promise<void> {
  const interval = 1_000 / perSecond;
  const start = now() + LEAD_MS;
  const thread = new Worker(new URL("./pacer-thread.ts", import.meta.url), {
    workerData: { start, interval, count },
  });
  let next = 0;
  await new Promise<void>((resolve, reject) => {
    thread.on("error", reject);
    thread.on("message", (due: number) => {
      while (next < due) {
        act(next, start + next * interval);
        next++;
      }
      if (next === count) resolve();
    });
  });
  await thread.terminate();
}
