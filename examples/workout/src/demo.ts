import { printAccount } from "./demo/account.ts";
import { cancellations } from "./demo/cancellation.ts";
import { Closing } from "./demo/closing.ts";
import { dependOnFailingJob, dependOnFinishedJob } from "./demo/dependencies.ts";
import { Interruption } from "./demo/interruption.ts";
import { newClientByTheApp, newClientInWrongOrder } from "./demo/new-client.ts";
import { linesSideBySide, updatesInOrder } from "./demo/ordering.ts";
import { programmeFromSheet } from "./demo/programme.ts";
import { REFUSALS, refusedAddress, startMailToABusyServer } from "./demo/recovery.ts";
import { startJobThatRunsTwice } from "./demo/redelivery.ts";
import { Report } from "./demo/report.ts";
import { checkRows } from "./demo/row-counts.ts";
import { signUps } from "./demo/sign-ups.ts";
import { openStage, type Stage } from "./demo/stage.ts";
import { endOfWorker, whereJobsRun } from "./demo/two-processes.ts";

/**
 * Runs the main job of the workout planner, on the embedded engine or, if the environment names a Redis, across two
 * processes. Exits with 0 if everything is as expected.
 */
const report = new Report();
const started = performance.now();
const seconds = () => Number(((performance.now() - started) / 1_000).toFixed(1));

async function play(stage: Stage) {
  await whereJobsRun(stage);
  const finishMail = await startMailToABusyServer(stage);
  const finishRedelivery = await startJobThatRunsTwice(stage);
  const ada = await newClientInWrongOrder(stage);
  const ben = await newClientByTheApp(stage);
  await signUps(stage);
  const programme = await programmeFromSheet(stage);
  await dependOnFinishedJob(stage, ada);
  await dependOnFailingJob(stage, ada);
  const planIds = [ada.planId, ben.planId, programme.planId];
  await updatesInOrder(stage, planIds);
  await linesSideBySide(stage, planIds);
  await cancellations(stage);
  await finishRedelivery();
  await finishMail();
  const rows = await checkRows(stage, programme);
  const jobs = await printAccount(stage);
  await endOfWorker(stage);
  return { rows, jobs };
}

/** The demo only takes this long if a job never ends. */
const watchdog = setTimeout(() => {
  report.fail(`the demo hasn't finished after ${seconds()} s`);
  end(1);
}, 120_000);

const interruption = new Interruption();
const closing = new Closing();
let summary = {};
try {
  const opening = openStage({ report, closing, refusedMail: { to: refusedAddress, times: REFUSALS } });
  const stage = await interruption.orResult(opening);
  const { engine, databaseKind: database, worker } = stage;
  report.say(`Ready after ${seconds()} s: jobs in ${engine}, rows in ${database}.`);
  const pids = worker && { demo: process.pid, worker: worker.pid };
  const played = await interruption.orResult(Promise.race([play(stage), ...(worker ? [worker.lost] : [])]));
  summary = { engine, database, pids, ...played };
} catch (error) {
  report.fail(error);
}
try {
  await closing.run();
} catch (error) {
  report.fail(error);
}
end(interruption.exitCode ?? (report.failures.length === 0 ? 0 : 1));

function end(code: number): void {
  clearTimeout(watchdog);
  report.end({ ...summary, seconds: seconds() });
  // Interrupted scenes may keep the process alive.
  if (code !== 0) process.exit(code);
}
