import { test } from "../messages/test-message.ts";
import type { Stage } from "./stage.ts";

/** With a worker in another process, handlers run only there. */
export async function whereJobsRun({ queue, report, worker }: Stage): Promise<void> {
  if (worker === undefined) return;
  report.scene("Two processes");
  report.say(`This process, ${process.pid}, sends and checks. The worker's process is ${worker.pid}.`);
  const notes = ["one", "two", "three"];
  const jobs = await queue.sendMany(notes.map((note) => ({ message: test, data: { note } })));
  const results = await Promise.all(jobs.map((job) => job.wait()));
  const pids = new Set(results.map(({ pid }) => pid));
  report.expect("jobs sent here ran in the worker's process", [...pids], [worker.pid]);
  report.expect("which isn't this process", pids.has(process.pid), false);
}

/** A stopping worker finishes its running jobs and exits. */
export async function endOfWorker({ report, worker }: Stage): Promise<void> {
  if (worker === undefined) return;
  report.scene("The end of the worker");
  report.expect("on SIGTERM it exits gracefully", await worker.stop(), "exit code 0");
}
