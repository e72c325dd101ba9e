/** Changes jobs at a steady rate, in a process of its own: each is cancelled and reopened in turn. */
import { jobId, openLoadQueue } from "./jobs.ts";

const [redisUrl = "", jobs = "2000", rate = "500"] = process.argv.slice(2);
const queue = openLoadQueue(redisUrl);
const count = Number(jobs);
const isCancelled = new Array<boolean>(count).fill(false);
const TICK = 20;
let due = 0;
let done = 0;

const timer = setInterval(() => {
  due += (Number(rate) * TICK) / 1_000;
  for (; due >= 1; due--) void changeOne();
}, TICK);

async function changeOne(): Promise<void> {
  const index = Math.floor(Math.random() * count);
  const id = jobId(index);
  isCancelled[index] = !isCancelled[index];
  try {
    if (isCancelled[index]) await queue.cancel(id);
    else await queue.retry(id);
    done++;
  } catch {
    // Two changes of one job at once: the other one counts.
  }
}

process.on("message", () => process.send?.({ done }));
process.on("disconnect", async () => {
  clearInterval(timer);
  process.exit(0);
});
process.send?.({ ready: true });
