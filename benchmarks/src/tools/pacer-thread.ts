/** The thread of `pace`: sleeps until each event is due and reports it. */
import { parentPort, workerData } from "node:worker_threads";
import { now } from "./monotonic.ts";

const { start, interval, count } = workerData as { start: number; interval: number; count: number };
const sleeper = new Int32Array(new SharedArrayBuffer(4));

for (let sent = 0; sent < count; ) {
  const left = start + sent * interval - now();
  if (left > 0) Atomics.wait(sleeper, 0, 0, left);
  // More than one if the thread woke late.
  const due = Math.min(count, Math.floor((now() - start) / interval) + 1);
  if (due > sent) parentPort?.postMessage(due);
  sent = Math.max(sent, due);
}
