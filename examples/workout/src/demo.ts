import { printAccount } from "./demo/account.ts";
import { cancellations } from "./demo/cancellation.ts";
import { dependOnFailingJob, dependOnFinishedJob } from "./demo/dependencies.ts";
import { newClientByTheApp, newClientInWrongOrder } from "./demo/new-client.ts";
import { updatesInOrder } from "./demo/ordering.ts";
import { programmeFromSheet } from "./demo/programme.ts";
import { REFUSALS, refusedAddress, startMailToABusyServer } from "./demo/recovery.ts";
import { Report } from "./demo/report.ts";
import { checkRows } from "./demo/row-counts.ts";
import { openStage, type Stage } from "./demo/stage.ts";

/** The main job of the workout planner on the embedded default. Exits 0 when everything is as expected. */
const report = new Report();
const started = performance.now();
const seconds = () => Number(((performance.now() - started) / 1_000).toFixed(1));

async function play(stage: Stage) {
  const finishMail = await startMailToABusyServer(stage);
  const ada = await newClientInWrongOrder(stage);
  const ben = await newClientByTheApp(stage);
  const programme = await programmeFromSheet(stage);
  await dependOnFinishedJob(stage, ada);
  await dependOnFailingJob(stage, ada);
  await updatesInOrder(stage, [ada.planId, ben.planId, programme.planId]);
  await cancellations(stage);
  await finishMail();
  const rows = await checkRows(stage, programme);
  return { rows, jobs: await printAccount(stage) };
}

/** Nothing here takes this long, unless a job that should have ended never does. */
const watchdog = setTimeout(() => {
  report.fail(`still not over after ${seconds()} s`);
  report.end({ seconds: seconds() });
  process.exit(1);
}, 120_000);

let summary = {};
try {
  const stage = await openStage({ report, refusedMail: { to: refusedAddress, times: REFUSALS } });
  report.say(`Ready after ${seconds()} s: jobs in memory, rows in ${stage.databaseKind}.`);
  try {
    summary = { database: stage.databaseKind, ...(await play(stage)) };
  } finally {
    await stage.close();
  }
} catch (error) {
  report.fail(error);
} finally {
  clearTimeout(watchdog);
}
report.end({ ...summary, seconds: seconds() });
process.exitCode = report.off.length === 0 ? 0 : 1;
