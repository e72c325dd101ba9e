import { test } from "../messages/test-message.ts";
import type { Stage } from "./stage.ts";

/** With a worker in another process: its handlers run there, and nowhere else. */
export async function whereJobsRun({ queue, report, worker }: Stage): Promise<void> {
  if (worker === undefined) return;
  report.scene("Two processes");
  report.say(`This one, ${process.pid}, sends and looks. The worker's is ${worker.pid}.`);
  const notes = ["one", "two", "three"];
  const jobs = await queue.sendMany(notes.map((note) => ({ message: test, data: { note } })));
  const results = await Promise.all(jobs.map((job) => job.wait()));
  const pids = new Set(results.map(({ pid }) => pid));
  report.expect("jobs sent here ran in the worker's process", [...pids], [worker.pid]);
  report.expect("which is another one than this", pids.has(process.pid), false);
}

/** A worker that is told to stop finishes what it does, and ends. */
export async function endOfWorker({ report, worker }: Stage): Promise<void> {
  if (worker === undefined) return;
  report.scene("The end of the worker");
  report.expect("told to stop by SIGTERM, it ends in good order", await worker.stop(), "exit code 0");
}
