/** The thread of `startDelayProxy`, so that the proxy doesn't use the measured event loop. */
import { connect, createServer, type Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

interface Passage {
  readonly due: number;
  readonly chunk: Buffer;
  readonly to: Socket;
}

const { host, port, delay } = workerData as { host: string; port: number; delay: number };
/** Timers have a resolution of a millisecond, so the last part is slept in slices of this. */
const SLICE_MS = 0.1;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
/** In order of arrival, which is also the order of `due`, because the delay is constant. */
const passages: Passage[] = [];
let isWaiting = false;

const server = createServer((client) => {
  const upstream = connect(port, host);
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.setNoDelay(true);
    from.on("data", (chunk) => {
      passages.push({ due: performance.now() + delay, chunk, to });
      wait();
    });
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
});
server.listen(0, "127.0.0.1", () => parentPort?.postMessage(server.address()));

function wait(): void {
  if (isWaiting) return;
  isWaiting = true;
  const left = passages[0]!.due - performance.now();
  if (left > 1.5) setTimeout(deliver, left - 1.5);
  else setImmediate(deliver);
}

function deliver(): void {
  isWaiting = false;
  const now = performance.now();
  const due = passages.findIndex((passage) => passage.due > now);
  const arrived = passages.splice(0, due === -1 ? passages.length : due);
  for (const { to, chunk } of arrived) if (!to.destroyed) to.write(chunk);
  if (passages.length === 0) return;
  // Sleeps instead of spinning, to leave the cores to the measured processes.
  const left = passages[0]!.due - now;
  if (left <= 1.5) Atomics.wait(sleeper, 0, 0, Math.min(left, SLICE_MS));
  wait();
}
